// Runs one fuzz target without a fuzzer, on what is known to be interesting: the golden frames of WIRE.md; its corpus and its
// crashes, testing/fuzz/corpus/x and testing/fuzz/crashes/x for x_fuzz. Each whole, cut, and damaged in the same ways every time.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "listenrain/testing/scale.h"
#include "listenrain/testing/violations.h"
#include "listenrain/testing/wire_page.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace rain {
namespace {

absl::string_view fed;

// Leaves the input to the fuzz program, which runs it alone: ninja testing/fuzz/x_fuzz, with clang.
void KeepInput(int) {
  const std::string path = std::string(std::filesystem::read_symlink("/proc/self/exe")) + ".fell";
  std::ofstream(path, std::ios::binary).write(fed.data(), static_cast<std::streamsize>(fed.size()));
  std::fprintf(stderr, "the input is in %s\n", path.c_str());
}

void Feed(absl::string_view bytes) {
  static const auto before = std::signal(SIGABRT, KeepInput);
  ASSERT_NE(before, SIG_ERR);
  fed = bytes;
  EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), 0);
}

// Packets, and their payloads.
std::vector<std::string> GoldenFrames() {
  std::vector<std::string> seeds;
  for (const Golden& golden : ReadWirePage()) {
    seeds.push_back(golden.bytes);
    seeds.push_back(golden.bytes.substr(std::min<size_t>(4, golden.bytes.size())));
  }
  return seeds;
}

// What the tree has of this target in a folder of testing/fuzz, in the order of the files' names.
std::vector<std::string> Kept(const std::string& folder) {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string program = self.filename();
  const std::string target = program.substr(0, program.rfind("_fuzz"));
  const std::filesystem::path from = SourceTree() / "testing/fuzz" / folder / target;
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(from)) {
    for (const auto& entry : std::filesystem::directory_iterator(from)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> contents;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    contents.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    EXPECT_FALSE(file.fail()) << path;
  }
  return contents;
}

std::string Damaged(std::string bytes, Dice& dice) {
  for (size_t wounds = 1 + dice.Below(4); wounds > 0 && !bytes.empty(); --wounds) {
    const size_t at = dice.Below(bytes.size());
    switch (dice.Below(4)) {
      case 0:
        bytes[at] = dice.Byte();
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << dice.Below(8)));
        break;
      case 2:
        bytes.erase(at, 1 + dice.Below(8));
        break;
      default:
        bytes.insert(at, bytes.substr(dice.Below(bytes.size()), dice.Below(24)));
    }
  }
  return bytes;
}

// `rounds` for all of the seeds together.
void FeedDamaged(const std::vector<std::string>& seeds, int64_t rounds) {
  Dice dice(3);
  for (const std::string& seed : seeds) {
    for (int64_t left = rounds / static_cast<int64_t>(seeds.size()); left >= 0; --left) Feed(Damaged(seed, dice));
  }
}

TEST(FuzzReplay, GoldenFramesWholeAndCut) {
  ASSERT_GE(GoldenFrames().size(), 20u);
  for (const std::string& seed : GoldenFrames()) {
    for (size_t size = 0; size <= seed.size(); ++size) Feed(absl::string_view(seed).substr(0, size));
  }
}

TEST(FuzzReplay, GoldenFramesDamaged) { FeedDamaged(GoldenFrames(), Scaled(20'000, 6000, 1'000'000)); }

TEST(FuzzReplay, CorpusWholeAndCut) {
  const std::vector<std::string> corpus = Kept("corpus");
  ASSERT_FALSE(corpus.empty()) << "./fuzz.sh --grow makes one";
  for (const std::string& seed : corpus) {
    const size_t step = 1 + seed.size() / static_cast<size_t>(Scaled(8, 4, 64));
    for (size_t size = seed.size() % step; size <= seed.size(); size += step) Feed(absl::string_view(seed).substr(0, size));
  }
}

TEST(FuzzReplay, CorpusDamaged) { FeedDamaged(Kept("corpus"), Scaled(20'000, 2000, 1'000'000)); }

TEST(FuzzReplay, WhatOnceCrashed) {
  for (const std::string& crash : Kept("crashes")) Feed(crash);
}

}  // namespace
}  // namespace rain
