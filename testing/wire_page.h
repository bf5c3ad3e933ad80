// What tests in this tree read of it: the golden frames of codecs/WIRE.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace rain {

// One block: what it says of the frame, by name, and the frame.
struct Golden {
  int line = 0;
  std::map<std::string, std::vector<std::string>> fields;
  std::string bytes;

  bool Has(const std::string& name) const { return fields.count(name) != 0; }
  // The first value of the name, or nothing.
  std::string Text(const std::string& name) const { return Has(name) ? fields.at(name).front() : ""; }
  // 0 if it is not there. A test failure if it is no number.
  int64_t Number(const std::string& name) const;
};

// This tree, as it is seen from the running program's build directory.
std::filesystem::path SourceTree();

// Test failures if it cannot be read or understood.
std::vector<Golden> ReadWirePage();

}  // namespace rain
