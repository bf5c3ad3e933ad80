#include "listenrain/transports/pending_pieces.h"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <array>
#include <string>

namespace rain {
namespace {

std::string Gathered(const PendingPieces& pending, size_t most) {
  std::vector<iovec> vectors(most);
  const size_t count = pending.Gather(absl::MakeSpan(vectors));
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
  return bytes;
}

TEST(PendingPieces, GathersFromTheFrontAndDropsAcrossPieces) {
  PendingPieces pending;
  pending.Append(Buffer::Static("one"));
  pending.Append(Buffer());
  pending.Append(Buffer::Static("two"));
  pending.Append(Buffer::Static("three"));
  EXPECT_EQ(pending.bytes(), 11u);
  EXPECT_EQ(Gathered(pending, 2), "onetwo");
  pending.Drop(4);
  EXPECT_EQ(Gathered(pending, 10), "wothree");
  pending.Drop(2);
  EXPECT_EQ(Gathered(pending, 10), "three");
  pending.Drop(5);
  EXPECT_TRUE(pending.empty());
  EXPECT_EQ(pending.bytes(), 0u);
}

TEST(PendingPieces, CopiesFromTheFrontAcrossPieces) {
  PendingPieces pending;
  for (const char* piece : {"one", "two", "three"}) pending.Append(Buffer::Static(piece));
  std::array<char, 8> bytes;
  EXPECT_EQ(pending.Copy(absl::MakeSpan(bytes)), 8u);
  EXPECT_EQ(std::string(bytes.data(), 8), "onetwoth");
  EXPECT_EQ(pending.bytes(), 11u);
  pending.Drop(8);
  EXPECT_EQ(pending.Copy(absl::MakeSpan(bytes)), 3u);
  EXPECT_EQ(std::string(bytes.data(), 3), "ree");
}

TEST(PendingPieces, KeepsTheOrderWhileItMovesUpWhatIsLeft) {
  PendingPieces pending;
  std::string expected;
  size_t number = 0;
  for (int round = 0; round < 500; ++round) {
    for (int i = 0; i < 7; ++i) {
      const std::string bytes = std::to_string(number++) + " ";
      expected += bytes;
      pending.Append(Buffer::Adopt(bytes));
    }
    const size_t count = std::min(expected.size(), static_cast<size_t>(20 + round % 13));
    ASSERT_EQ(Gathered(pending, 10'000), expected);
    pending.Drop(count);
    expected.erase(0, count);
    ASSERT_EQ(pending.bytes(), expected.size());
  }
}

TEST(PendingPieces, LetsGoOfABlockAsSoonAsItIsWhollyDropped) {
  auto pool = NewBufferPool();
  PendingPieces pending;
  pending.Append(pool->Allocate(1000));
  pending.Append(pool->Allocate(1000));
  const size_t both = pool->bytes_in_use();
  pending.Drop(1500);
  EXPECT_EQ(pool->bytes_in_use(), both / 2);
  pending.Clear();
  EXPECT_EQ(pool->bytes_in_use(), 0u);
}

}  // namespace
}  // namespace rain
