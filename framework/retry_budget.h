// RetryBudget: bounds how much more a peer in trouble is asked, because it is in trouble: a token bucket.
#pragma once

#include <algorithm>

namespace rain {

// Thread: one at a time.
class RetryBudget {
 public:
  // Full at first. `share`: tokens that each request adds.
  RetryBudget(double share, double burst) : share_(share), burst_(burst), tokens_(burst) {}

  void OnRequest() { tokens_ = std::min(tokens_ + share_, burst_); }
  // False if the budget is spent: the request must not be sent again.
  bool Take() {
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const double share_;
  const double burst_;
  double tokens_;
};

}  // namespace rain
