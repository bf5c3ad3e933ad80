// RetryBudget: bounds how much more a peer in trouble is asked, because it is in trouble: a token bucket.
#pragma once

#include <algorithm>

#include "listenrain/framework/limits.h"

namespace rain {

// Thread: one at a time.
class RetryBudget {
 public:
  // Full at first.
  explicit RetryBudget(const Limits& limits) : tokens_(limits.retry_burst) {}

  // `limits` are the same.
  void OnRequest(const Limits& limits) { tokens_ = std::min(tokens_ + limits.retry_share, limits.retry_burst); }
  // False if the budget is spent: the request must not be sent again.
  bool Take() {
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double tokens_;
};

}  // namespace rain
