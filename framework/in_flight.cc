#include "listenrain/framework/in_flight.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/protocol.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/transport.h"
#include "listenrain/framework/transport_pool.h"

namespace rain {
namespace {

constexpr size_t kCallsPerTurn = 1024;  // that are looked at, before the loop does something else

std::string Count(size_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

void AppendCall(const InFlightCall& call, std::string& text) {
  absl::StrAppend(&text, "  ", ToString(call.stage), " for ", absl::FormatDuration(call.age));
  if (call.remaining < absl::ZeroDuration()) {
    absl::StrAppend(&text, ", overdue by ", absl::FormatDuration(-call.remaining));
  } else if (call.remaining != absl::InfiniteDuration()) {
    absl::StrAppend(&text, ", ", absl::FormatDuration(call.remaining), " left");
  }
  absl::StrAppend(&text, ", ", Count(call.bytes, "byte", "bytes"), ", msgID ", ToString(call.id), "\n");
}

void AppendTransport(const TransportInFlight& transport, std::string& text) {
  const bool dialed = transport.role == Role::dialer;
  absl::StrAppend(&text, "protocol \"", transport.protocol, "\" ", dialed ? "to " : "at ", transport.key.text(), ", ",
                  ToString(transport.state));
  if (!dialed) absl::StrAppend(&text, ", peer ", transport.peer.address);
  absl::StrAppend(&text, ": ", Count(transport.requests, "request", "requests"), ", ", transport.peer_requests,
                  " of the peer's, ", Count(transport.queued_packets, "packet", "packets"), " and ",
                  Count(transport.queued_bytes, "byte", "bytes"), " queued, ", Count(transport.pending_bytes, "byte", "bytes"),
                  " not taken by the channel\n");
  for (const InFlightCall& call : transport.calls) AppendCall(call, text);
  const size_t more = transport.requests + transport.peer_requests - transport.calls.size();
  if (more > 0) absl::StrAppend(&text, "  and ", more, " younger\n");
}

absl::Duration OldestIn(const TransportInFlight& transport) {
  return transport.calls.empty() ? -absl::InfiniteDuration() : transport.calls.front().age;
}

InFlightReport Sorted(InFlightReport report) {
  std::stable_sort(report.transports.begin(), report.transports.end(),
                   [](const auto& a, const auto& b) { return OldestIn(a) > OldestIn(b); });
  return report;
}

}  // namespace

absl::string_view ToString(CallStage stage) {
  switch (stage) {
    case CallStage::queued:
      return "queued";
    case CallStage::writing:
      return "writing";
    case CallStage::awaiting:
      return "awaiting";
    case CallStage::dispatched:
      return "dispatched";
    case CallStage::replying:
      break;
  }
  return "replying";
}

std::string ToString(const InFlightReport& report) {
  std::string text;
  for (const TransportInFlight& transport : report.transports) AppendTransport(transport, text);
  if (report.transports.empty())
    text = report.silent_loops > 0 ? "nothing is in flight, on the other loops\n" : "nothing is in flight\n";
  if (report.silent_loops > 0) {
    absl::StrAppend(&text, Count(report.silent_loops, "loop", "loops"), " did not answer in time: something blocks there\n");
  }
  return text;
}

// What is found on one loop, turn by turn. Moved from task to task; it reports when it ends, having seen all or not.
class InFlightLook::Part {
 public:
  Part(Ref<InFlightLook> look, Ref<Shard> shard, std::shared_ptr<const ProtocolParts> protocol, size_t most_calls)
      : look_(std::move(look)), shard_(std::move(shard)), protocol_(std::move(protocol)), most_calls_(most_calls) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part() { look_->Add(std::move(found_), whole_); }

  // In a turn of the loop's, never inside a handler's. What ends between two turns is not in flight any more.
  static void GoOn(std::unique_ptr<Part> part) {
    Shard& shard = *part->shard_;
    shard.loop().Run([part = std::move(part)]() mutable { part->SawAll() ? part.reset() : GoOn(std::move(part)); });
  }

 private:
  bool SawAll() {
    if (shard_->shut()) return whole_ = true;  // nothing is in flight there any more
    if (!std::exchange(listed_, true)) boxes_ = shard_->TransportBoxes(protocol_.get());
    for (size_t calls = 0; calls < kCallsPerTurn && next_ < boxes_.size(); ++next_) {
      const Transport* transport = boxes_[next_]->opened_transport();
      ++calls;
      if (transport == nullptr) continue;
      TransportInFlight found = transport->InFlight(most_calls_);
      calls += found.calls.size() + found.peer_requests;
      if (!found.empty()) found_.push_back(std::move(found));
    }
    return whole_ = next_ == boxes_.size();
  }

  const Ref<InFlightLook> look_;
  const Ref<Shard> shard_;
  const std::shared_ptr<const ProtocolParts> protocol_;
  const size_t most_calls_;
  bool listed_ = false;
  bool whole_ = false;
  std::vector<Ref<PostBox>> boxes_;
  size_t next_ = 0;
  std::vector<TransportInFlight> found_;
};

Ref<InFlightLook> InFlightLook::Begin(const std::vector<Ref<Shard>>& shards, std::shared_ptr<const ProtocolParts> protocol,
                                      size_t most_calls, Done done) {
  const auto look = Ref<InFlightLook>::Adopt(new InFlightLook(shards.size(), std::move(done)));
  for (const Ref<Shard>& shard : shards) Part::GoOn(std::make_unique<Part>(look, shard, protocol, most_calls));
  return look;
}

void InFlightLook::Add(std::vector<TransportInFlight> found, bool whole) {
  InFlightReport report;
  {
    MutexLock lock(mutex_);
    std::move(found.begin(), found.end(), std::back_inserter(report_.transports));
    if (!whole) ++report_.silent_loops;
    if (--left_ > 0) return;
    if (done_ == nullptr) return changed_.SignalOne();
    report = std::move(report_);
  }
  std::move(done_)(Sorted(std::move(report)));
}

InFlightReport InFlightLook::Await(absl::Duration timeout) {
  const Instant deadline = SystemClock().Now() + timeout;
  MutexLock lock(mutex_);
  while (left_ > 0) {
    if (deadline.infinite()) {
      changed_.Wait(mutex_);
      continue;
    }
    if (SystemClock().Now() >= deadline) break;
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline.nanoseconds)));
  }
  report_.silent_loops += left_;
  return Sorted(std::move(report_));
}

}  // namespace rain
