#include "listenrain/bench/raw_calls.h"

#include "absl/strings/str_cat.h"

namespace rain::bench {

absl::Status AnswerAll(RawReader& reader, RawWriter& writer) {
  RawPacket packet;
  for (;;) {
    const absl::StatusOr<bool> more = reader.Next(packet);
    if (!more.ok()) return more.status();
    if (!*more) return writer.Flush();
    if (absl::Status written = writer.Append(packet); !written.ok()) return written;
  }
}

absl::Status RawCaller::Start(RawWriter& writer, Instant now) {
  for (size_t slot = first_; slot < first_ + slots_; ++slot) {
    if (absl::Status written = Request(slot, writer, now); !written.ok()) return written;
  }
  return writer.Flush();
}

absl::Status RawCaller::Turn(RawReader& reader, RawWriter& writer, Instant now, bool goes_on) {
  RawPacket packet;
  for (;;) {
    const absl::StatusOr<bool> more = reader.Next(packet);
    if (!more.ok()) return more.status();
    if (!*more) return writer.Flush();
    const size_t slot = Calls::SlotOf(packet.number);
    if (slot - first_ >= slots_) {
      return absl::DataLossError(absl::StrCat("the reply to call ", packet.number, " came on another call's connection"));
    }
    if (absl::Status right = calls_.End(packet.number, packet.payload, now); !right.ok()) return right;
    if (!goes_on) continue;
    if (absl::Status written = Request(slot, writer, now); !written.ok()) return written;
  }
}

absl::Status RawCaller::Request(size_t slot, RawWriter& writer, Instant now) {
  const uint64_t number = calls_.Begin(slot, now);
  return writer.Append({number, calls_.pattern().Of(number)});
}

}  // namespace rain::bench
