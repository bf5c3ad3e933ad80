// Runs one fuzz target without a fuzzer: on the golden frames of WIRE.md, each whole, cut, and damaged in the same ways every
// time.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "listenrain/testing/scale.h"
#include "listenrain/testing/violations.h"
#include "listenrain/testing/wire_page.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace rain {
namespace {

void Feed(absl::string_view bytes) {
  EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), 0);
}

// Packets, and their payloads.
std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const Golden& golden : ReadWirePage()) {
    seeds.push_back(golden.bytes);
    seeds.push_back(golden.bytes.substr(std::min<size_t>(4, golden.bytes.size())));
  }
  return seeds;
}

TEST(FuzzReplay, GoldenFramesWholeAndCut) {
  ASSERT_GE(Seeds().size(), 20u);
  for (const std::string& seed : Seeds()) {
    for (size_t size = 0; size <= seed.size(); ++size) Feed(absl::string_view(seed).substr(0, size));
  }
}

TEST(FuzzReplay, GoldenFramesDamaged) {
  Dice dice(3);
  for (const std::string& seed : Seeds()) {
    for (int64_t round = Scaled(300, 100, 20'000); round > 0; --round) {
      std::string damaged = seed;
      for (size_t wounds = 1 + dice.Below(4); wounds > 0 && !damaged.empty(); --wounds) {
        const size_t at = dice.Below(damaged.size());
        switch (dice.Below(4)) {
          case 0:
            damaged[at] = dice.Byte();
            break;
          case 1:
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << dice.Below(8)));
            break;
          case 2:
            damaged.erase(at, 1 + dice.Below(8));
            break;
          default:
            damaged.insert(at, damaged.substr(dice.Below(damaged.size()), dice.Below(24)));
        }
      }
      Feed(damaged);
    }
  }
}

}  // namespace
}  // namespace rain
