// Shorten: the parts of a failing test that it cannot do without.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

namespace rain {

// Takes away what it can, in ever smaller pieces, as long as `fails` says so of what is left (Zeller's delta debugging). `things`
// fail. At most `tries` calls of `fails`.
template <class T>
std::vector<T> Shorten(std::vector<T> things, absl::FunctionRef<bool(const std::vector<T>&)> fails, size_t tries = SIZE_MAX) {
  for (size_t piece = std::max<size_t>(things.size() / 2, 1); !things.empty(); piece /= 2) {
    for (size_t at = 0; at < things.size() && tries > 0; --tries) {
      const auto from = things.begin() + static_cast<ptrdiff_t>(at);
      const auto to = things.begin() + static_cast<ptrdiff_t>(std::min(at + piece, things.size()));
      std::vector<T> fewer(things.begin(), from);
      fewer.insert(fewer.end(), to, things.end());
      if (fails(fewer)) {
        things = std::move(fewer);
      } else {
        at += piece;
      }
    }
    if (piece <= 1) break;
  }
  return things;
}

}  // namespace rain
