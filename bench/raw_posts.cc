#include "listenrain/bench/raw_posts.h"

#include "absl/strings/str_cat.h"
#include "listenrain/framework/clock.h"

namespace rain::bench {

absl::Status RawCounter::Turn(RawReader& reader, RawWriter& writer) {
  RawPacket packet;
  for (;;) {
    const absl::StatusOr<bool> more = reader.Next(packet);
    if (!more.ok()) return more.status();
    if (!*more) return writer.Flush();
    if (packet.number == 0) {
      const std::string receipt = Receipt{messages_, SystemClock().Now(), 1}.Encode();
      if (absl::Status written = writer.Append({0, receipt}); !written.ok()) return written;
    } else if (packet.number != ++messages_) {
      return absl::DataLossError(absl::StrCat("message ", packet.number, " came where ", messages_, " is the next"));
    }
  }
}

absl::Status RawPoster::Turn(RawReader& reader, RawWriter& writer) {
  if (absl::Status taken = TakeReceipts(reader); !taken.ok()) return taken;
  while (asked_ < 2 && !writer.full()) {
    const Instant now = SystemClock().Now();
    meter_.Sample(now);
    const bool due = posted_ > posted_when_asked_ && now >= (asked_ == 0 ? meter_.begin() : meter_.end());
    if (absl::Status written = due ? AskForReceipt(writer) : PostSome(writer); !written.ok()) return written;
  }
  return absl::OkStatus();
}

absl::Status RawPoster::TakeReceipts(RawReader& reader) {
  RawPacket packet;
  for (;;) {
    const absl::StatusOr<bool> more = reader.Next(packet);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    const absl::StatusOr<Receipt> receipt = Receipt::Decode(packet.payload);
    if (!receipt.ok()) return receipt.status();
    (first_.has_value() ? last_ : first_) = *receipt;
  }
}

// Until a write's worth has gathered.
absl::Status RawPoster::PostSome(RawWriter& writer) {
  const size_t packet_bytes = kRawHeaderBytes + pattern_.Of(1).size();
  for (size_t bytes = 0; bytes < kRawFlushBytes && !writer.full(); bytes += packet_bytes) {
    ++posted_;
    if (absl::Status written = writer.Append({posted_, pattern_.Of(posted_)}); !written.ok()) return written;
  }
  return writer.Flush();
}

absl::Status RawPoster::AskForReceipt(RawWriter& writer) {
  ++asked_;
  posted_when_asked_ = posted_;
  if (absl::Status written = writer.Append({0, pattern_.Of(0)}); !written.ok()) return written;
  return writer.Flush();
}

absl::StatusOr<Flow> RawPoster::Finish() const {
  if (absl::Status all = CheckAllCame(posted_, *last_); !all.ok()) return all;
  return Flow::Between(*first_, *last_);
}

}  // namespace rain::bench
