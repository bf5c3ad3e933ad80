#include "listenrain/framework/buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace rain {
namespace {

Buffer Filled(BufferPool& pool, absl::string_view text) {
  Buffer buffer = pool.Allocate(text.size());
  std::memcpy(buffer.mutable_data(), text.data(), text.size());
  return buffer;
}

TEST(Buffer, AnEmptyOneHasNothing) {
  const Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(buffer.view(), "");
  EXPECT_EQ(buffer.pinned(), 0u);
  EXPECT_FALSE(buffer.unique());
  EXPECT_TRUE(buffer.Share().empty());
}

TEST(Buffer, SlicesShareTheBlock) {
  const auto pool = NewBufferPool();
  Buffer whole = Filled(*pool, "hello, rain");
  Buffer part = whole.Share(7, 4);
  EXPECT_EQ(part.view(), "rain");
  EXPECT_EQ(part.data(), whole.data() + 7);
  whole.RemovePrefix(2);
  whole.Truncate(3);
  EXPECT_EQ(whole.view(), "llo");
  EXPECT_EQ(part.view(), "rain");
  EXPECT_EQ(part.pinned(), whole.pinned());
}

TEST(Buffer, IsUniqueUntilItIsSharedAndAgainWhenTheOthersEnd) {
  const auto pool = NewBufferPool();
  Buffer buffer = pool->Allocate(10);
  EXPECT_TRUE(buffer.unique());
  {
    const Buffer slice = buffer.Share(0, 0);
    EXPECT_FALSE(buffer.unique());
    EXPECT_FALSE(slice.unique());
  }
  EXPECT_TRUE(buffer.unique());
}

TEST(Buffer, MovingLeavesAnEmptyOneAndReleasesWhatIsReplaced) {
  const auto pool = NewBufferPool();
  Buffer from = Filled(*pool, "one");
  Buffer to = pool->Allocate(1000);
  const size_t both = pool->bytes_in_use();
  to = std::move(from);
  EXPECT_LT(pool->bytes_in_use(), both);
  EXPECT_EQ(to.view(), "one");
  EXPECT_TRUE(from.empty());  // NOLINT: promised
  EXPECT_TRUE(to.unique());
  Buffer& same = to;
  to = std::move(same);
  EXPECT_EQ(to.view(), "one");
}

TEST(Buffer, JoinGrowsOverTheNeighbourAndOverNothingElse) {
  const auto pool = NewBufferPool();
  const Buffer whole = Filled(*pool, "abcdef");
  Buffer first = whole.Share(0, 2);
  Buffer second = whole.Share(2, 3);
  Buffer last = whole.Share(5, 1);
  Buffer stranger = Filled(*pool, "g");
  EXPECT_FALSE(first.Join(last));
  EXPECT_FALSE(first.Join(stranger));
  EXPECT_TRUE(first.Join(second));
  EXPECT_EQ(first.view(), "abcde");
  EXPECT_TRUE(second.empty());
  EXPECT_TRUE(first.Join(last));
  EXPECT_EQ(first.view(), "abcdef");
  EXPECT_EQ(stranger.view(), "g");
  Buffer fixed = Buffer::Static("xy");
  Buffer rest = fixed.Share(1, 1);
  fixed.Truncate(1);
  EXPECT_FALSE(fixed.Join(rest));
}

TEST(Buffer, AdoptCopiesNothing) {
  std::string text(1000, 'x');
  const char* bytes = text.data();
  Buffer buffer = Buffer::Adopt(std::move(text));
  EXPECT_EQ(buffer.data(), bytes);
  EXPECT_EQ(buffer.size(), 1000u);
  EXPECT_TRUE(buffer.unique());
  Buffer tail = buffer.Share(990, 10);
  buffer = Buffer();
  EXPECT_EQ(tail.view(), "xxxxxxxxxx");
}

TEST(Buffer, AdoptTakesShortStringsToo) {
  EXPECT_EQ(Buffer::Adopt("short").view(), "short");
  EXPECT_TRUE(Buffer::Adopt("").empty());
}

TEST(Buffer, StaticRefersToBytesThatOutliveIt) {
  static constexpr char kText[] = "literal";
  const Buffer buffer = Buffer::Static(kText);
  EXPECT_EQ(buffer.data(), kText);
  EXPECT_FALSE(buffer.unique());  // nobody may write them
  EXPECT_EQ(buffer.pinned(), 0u);
  EXPECT_EQ(buffer.Share(3, 4).view(), "eral");
}

Payload Pieces(std::initializer_list<const char*> texts) {
  Payload payload;
  for (const char* text : texts) payload.push_back(Buffer::Adopt(text));
  return payload;
}

TEST(Payload, HasTheBytesOfItsPieces) {
  const Payload payload = Pieces({"one", "", "two", "three"});
  EXPECT_EQ(SizeOf(payload), 11u);
  EXPECT_EQ(ToString(payload), "onetwothree");
  const Payload shared = Share(payload);
  ASSERT_EQ(shared.size(), 4u);
  EXPECT_EQ(shared[3].data(), payload[3].data());
  EXPECT_EQ(SizeOf(Payload()), 0u);
  EXPECT_EQ(ToString(Payload()), "");
}

TEST(Payload, RemovePrefixAndSuffixAtEveryPlace) {
  const std::string whole = "onetwothree";
  for (size_t count = 0; count <= whole.size(); ++count) {
    Payload front = Pieces({"one", "", "two", "three"});
    RemovePrefix(front, count);
    EXPECT_EQ(ToString(front), whole.substr(count));
    EXPECT_TRUE(front.size() == 1 || !front.front().empty()) << count;

    Payload back = Pieces({"one", "", "two", "three"});
    RemoveSuffix(back, count);
    EXPECT_EQ(ToString(back), whole.substr(0, whole.size() - count));
    EXPECT_TRUE(back.size() == 1 || !back.back().empty()) << count;
  }
  Payload nothing;
  RemovePrefix(nothing, 0);
  RemoveSuffix(nothing, 0);
  EXPECT_TRUE(nothing.empty());
}

// Up to two pieces and beyond them it must look the same.
TEST(Payload, GrowsMovesAndShrinksAtEverySize) {
  for (size_t pieces = 0; pieces <= 5; ++pieces) {
    Payload payload;
    std::string whole;
    for (size_t i = 0; i < pieces; ++i) {
      payload.push_back(Buffer::Adopt(std::to_string(i)));
      whole += std::to_string(i);
      EXPECT_EQ(payload.back().view(), std::to_string(i));
      EXPECT_EQ(payload[i].data(), payload.begin()[i].data());
    }
    EXPECT_EQ(payload.size(), pieces);
    EXPECT_EQ(payload.empty(), pieces == 0);
    Payload moved = std::move(payload);
    EXPECT_TRUE(payload.empty());  // NOLINT: promised
    EXPECT_EQ(ToString(payload), "");
    EXPECT_EQ(ToString(moved), whole);
    payload.push_back(Buffer::Adopt("again"));
    EXPECT_EQ(ToString(payload), "again");
    payload = std::move(moved);
    EXPECT_EQ(ToString(payload), whole);
    while (!payload.empty()) {
      payload.DropFront(1);
      whole.erase(0, 1);
      EXPECT_EQ(ToString(payload), whole);
      if (payload.empty()) break;
      payload.pop_back();
      whole.pop_back();
      EXPECT_EQ(ToString(payload), whole);
    }
    payload.push_back(Buffer::Adopt("reused"));
    EXPECT_EQ(ToString(payload), "reused");
    payload.clear();
    EXPECT_EQ(payload.begin(), payload.end());
  }
}

TEST(Payload, PiecesAreReleasedWhenTheyAreDropped) {
  const auto pool = NewBufferPool();
  for (const size_t pieces : {size_t{2}, size_t{4}}) {
    Payload payload;
    for (size_t i = 0; i < pieces; ++i) payload.push_back(pool->Allocate(100));
    payload.DropFront(1);
    EXPECT_EQ(pool->bytes_in_use(), 256 * (pieces - 1));
    payload.pop_back();
    EXPECT_EQ(pool->bytes_in_use(), 256 * (pieces - 2));
    payload.clear();
    EXPECT_EQ(pool->bytes_in_use(), 0u);
  }
}

}  // namespace
}  // namespace rain
