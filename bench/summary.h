// Summary: what many runs of one kind say together.
#pragma once

#include <vector>

namespace rain::bench {

struct Summary {
  double least = 0, median = 0, most = 0;

  // Of at least one value.
  static Summary Of(std::vector<double> values);
};

}  // namespace rain::bench
