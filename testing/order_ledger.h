// OrderLedger: whether what was sent in an order is handled in it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/mutex.h"

namespace rain {

// Made by a test, and told by senders and handlers. A stream is what one sender sends one after the other to one key, over one
// transport and one first-in-first-out queue; a receiver is one channel at its other end, whose handlers run in order. What is
// idempotent may be sent again, and so has no place in a stream. Thread: any.
class OrderLedger {
 public:
  // What breaks the order is told at once. Thread: whichever finds it.
  explicit OrderLedger(std::function<void(absl::string_view)> broken) : broken_(std::move(broken)) {}

  // Numbers name messages, in any order, but once each.
  void OnSent(uint64_t stream, uint64_t message) {
    MutexLock lock(mutex_);
    sent_[message] = {stream, ++sends_};
  }
  // Of a message that belongs to no stream: nothing is expected.
  void OnHandled(uint64_t receiver, uint64_t message) {
    MutexLock lock(mutex_);
    const auto found = sent_.find(message);
    if (found == sent_.end()) return;
    const auto [stream, place] = found->second;
    auto& [last_place, last_message] = last_[{receiver, stream}];
    if (place < last_place) broken_(absl::StrCat("call ", message, " was handled after call ", last_message, ", sent later"));
    last_place = place;
    last_message = message;
  }

 private:
  const std::function<void(absl::string_view)> broken_;
  Mutex mutex_;
  uint64_t sends_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<uint64_t, std::pair<uint64_t, uint64_t>> sent_ ABSL_GUARDED_BY(mutex_);  // the stream, and the place
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, std::pair<uint64_t, uint64_t>> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
