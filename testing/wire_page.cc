#include "listenrain/testing/wire_page.h"

#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rain {

int64_t Golden::Number(const std::string& name) const {
  int64_t number = 0;
  EXPECT_TRUE(!Has(name) || absl::SimpleAtoi(Text(name), &number)) << "line " << line << ": " << name;
  return number;
}

std::filesystem::path SourceTree() {
  std::filesystem::path build = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(build / "include/listenrain") && build.has_relative_path()) build = build.parent_path();
  return build / "include/listenrain";
}

std::vector<Golden> ReadWirePage() {
  const std::filesystem::path page = SourceTree() / "codecs/WIRE.md";
  std::ifstream file(page);
  EXPECT_TRUE(file.is_open()) << page;
  std::vector<Golden> goldens;
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line == "```golden") {
      goldens.push_back({.line = number});
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside && line.rfind("> ", 0) == 0) {
      goldens.back().bytes += line.substr(2);
    } else if (const size_t colon = line.find(':'); inside && colon != std::string::npos && colon < line.find(';')) {
      goldens.back().fields[line.substr(0, colon)].push_back(std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
    } else if (inside) {
      for (const absl::string_view byte : absl::StrSplit(line.substr(0, line.find(';')), ' ', absl::SkipEmpty())) {
        EXPECT_EQ(byte.size(), 2u) << "line " << number;
        goldens.back().bytes += absl::HexStringToBytes(byte);
      }
    }
  }
  return goldens;
}

}  // namespace rain
