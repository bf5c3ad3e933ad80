#include "listenrain/bench/summary.h"

#include <algorithm>
#include <cassert>

namespace rain::bench {

Summary Summary::Of(std::vector<double> values) {
  assert(!values.empty());
  std::sort(values.begin(), values.end());
  const double median = (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
  return {values.front(), median, values.back()};
}

}  // namespace rain::bench
