// SimHistory: what happened in a simulated world, line by line, and its hash: equal histories are equal byte for byte.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "listenrain/framework/clock.h"

namespace rain {

// Thread: one.
class SimHistory {
 public:
  // Without `keeps_lines` there is the hash alone.
  explicit SimHistory(const Clock& clock, bool keeps_lines = false) : clock_(clock), keeps_lines_(keeps_lines) {}

  // `where` is a node, or what lies between two.
  void Note(absl::string_view where, absl::string_view what);
  uint64_t hash() const { return hash_; }
  uint64_t size() const { return size_; }
  // "12.345678901 client-1 connected to …"
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void Mix(absl::string_view text);

  const Clock& clock_;
  const bool keeps_lines_;
  uint64_t hash_ = 0xcbf29ce484222325;  // FNV-1a
  uint64_t size_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace rain
