#include "listenrain/framework/payload_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace rain {
namespace {

constexpr size_t kLimit = 1 << 20;
constexpr size_t kBlock = 1024;
constexpr size_t kHeadroom = 4;

// A pool that can be told to refuse from now on.
class FicklePool final : public BufferPool {
 public:
  Buffer Allocate(size_t size) override {
    if (refuses) return {};
    ++allocations;
    return pool_->Allocate(size);
  }
  size_t bytes_in_use() const override { return pool_->bytes_in_use(); }
  bool Trim(Instant now) override { return pool_->Trim(now); }

  bool refuses = false;
  int allocations = 0;

 private:
  const std::shared_ptr<BufferPool> pool_ = NewBufferPool();
};

class Writer final : public PayloadWriter {
 public:
  explicit Writer(BufferPool& pool, size_t max_bytes = kLimit, size_t block_bytes = kBlock, size_t headroom = kHeadroom)
      : PayloadWriter(pool, max_bytes, block_bytes, headroom) {}
};

// What Take gave, without the headroom.
std::string Bytes(const Payload& payload) { return ToString(payload).substr(kHeadroom); }

void Write(PayloadWriter& writer, absl::string_view text) {
  const absl::Span<char> to = writer.Reserve(text.size());
  ASSERT_EQ(to.size(), text.size());
  std::memcpy(to.data(), text.data(), text.size());
  writer.Commit(text.size());
}

class PayloadWriterTest : public testing::Test {
 protected:
  FicklePool pool_;
};

TEST_F(PayloadWriterTest, WritesWhatIsCommittedAndNoMore) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  const absl::Span<char> to = writer.Reserve(100);
  ASSERT_EQ(to.size(), 100u);
  std::memcpy(to.data(), "abcdef", 6);
  writer.Commit(3);
  EXPECT_EQ(writer.size(), 3u);
  EXPECT_EQ(writer.Reserve(1).data(), to.data() + 3);  // given again
  EXPECT_EQ(writer.Reserve(50).data(), to.data() + 3);
  writer.Commit(3);
  EXPECT_EQ(Bytes(writer.Take()), "abcdef");
  EXPECT_EQ(writer.size(), 0u);
}

TEST_F(PayloadWriterTest, ReserveOfNothingIsNoFailure) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  EXPECT_TRUE(writer.Reserve(0).empty());
  EXPECT_TRUE(writer.status().ok());
}

TEST_F(PayloadWriterTest, PayloadsFollowOneAnotherInABlock) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "first");
  const Payload first = writer.Take();
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "second");
  const Payload second = writer.Take();
  EXPECT_EQ(pool_.allocations, 1);
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].data(), first[0].data() + first[0].size());
  EXPECT_EQ(first[0].size(), kHeadroom + 5);
  EXPECT_EQ(Bytes(first), "first");
  EXPECT_EQ(Bytes(second), "second");
}

TEST_F(PayloadWriterTest, TheHeadroomIsFreeToWrite) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "one");
  Payload first = writer.Take();
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "two");
  Payload second = writer.Take();
  std::memcpy(second[0].mutable_data(), "HEAD", kHeadroom);
  EXPECT_EQ(Bytes(first), "one");
  EXPECT_EQ(ToString(second), "HEADtwo");
}

TEST_F(PayloadWriterTest, AnEmptyPayloadIsItsHeadroom) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  const Payload payload = writer.Take();
  EXPECT_EQ(SizeOf(payload), kHeadroom);
  PooledWriter without(pool_, kLimit);
  ASSERT_TRUE(without.Begin().ok());
  EXPECT_EQ(SizeOf(without.Take()), 0u);
}

TEST_F(PayloadWriterTest, BeginsWithTheRoomItPromises) {
  Writer writer(pool_, kLimit, 700);
  for (int i = 0; i < 20; ++i) {
    const bool goes_on = writer.HasRoom();
    const int before = pool_.allocations;
    ASSERT_TRUE(writer.Begin().ok());
    EXPECT_EQ(pool_.allocations - before, goes_on ? 0 : 1);
    const char* start = writer.Reserve(1).data();
    EXPECT_EQ(writer.Reserve(PayloadWriter::kReservedAtBegin).data(), start);
    writer.Commit(PayloadWriter::kReservedAtBegin);
    EXPECT_EQ(writer.Take().size(), 1u);
  }
}

TEST_F(PayloadWriterTest, ABlockIsLargeEnoughForThePromiseWhateverWasAskedFor) {
  Writer writer(pool_, kLimit, 1);
  ASSERT_TRUE(writer.Begin().ok());
  EXPECT_EQ(writer.Reserve(PayloadWriter::kReservedAtBegin).size(), PayloadWriter::kReservedAtBegin);
  writer.Commit(PayloadWriter::kReservedAtBegin);
  EXPECT_EQ(writer.Take().size(), 1u);
}

TEST_F(PayloadWriterTest, GoesOnInAnotherBlock) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, std::string(1000, 'a'));
  Write(writer, std::string(1000, 'b'));
  Write(writer, std::string(5000, 'c'));  // more than a block
  EXPECT_EQ(writer.size(), 7000u);
  const Payload payload = writer.Take();
  EXPECT_EQ(payload.size(), 3u);
  EXPECT_EQ(Bytes(payload), std::string(1000, 'a') + std::string(1000, 'b') + std::string(5000, 'c'));
}

TEST_F(PayloadWriterTest, GoingOnWastesNoBytes) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  writer.Append(std::string(3000, 'x'));
  const Payload payload = writer.Take();
  ASSERT_EQ(payload.size(), 2u);
  EXPECT_EQ(payload[0].size(), kBlock);
  EXPECT_EQ(Bytes(payload), std::string(3000, 'x'));
}

// So that what is patched at a payload's front finds it in the first piece, behind the headroom.
TEST_F(PayloadWriterTest, AFirstReserveLargerThanTheBlockMovesThePayloadWhole) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "before");
  const Payload before = writer.Take();
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, std::string(4000, 'x'));
  const Payload payload = writer.Take();
  ASSERT_EQ(payload.size(), 1u);
  EXPECT_EQ(payload[0].size(), kHeadroom + 4000);
  EXPECT_EQ(Bytes(before), "before");
}

TEST_F(PayloadWriterTest, RewindForgetsThePayloadBegunAndNothingElse) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "kept");
  const Payload kept = writer.Take();
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "forgotten");
  writer.Rewind();
  EXPECT_EQ(writer.size(), 0u);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "instead");
  const Payload instead = writer.Take();
  EXPECT_EQ(Bytes(kept), "kept");
  EXPECT_EQ(Bytes(instead), "instead");
  EXPECT_EQ(instead[0].data(), kept[0].data() + kept[0].size());  // where the forgotten one was
}

TEST_F(PayloadWriterTest, RewindGoesBackToTheBlockWhereThePayloadBegan) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "kept");
  const Payload kept = writer.Take();
  for (const size_t first : {size_t{1}, size_t{900}, size_t{4000}}) {  // the last moves the payload whole
    ASSERT_TRUE(writer.Begin().ok());
    Write(writer, std::string(first, 'a'));
    Write(writer, std::string(2000, 'b'));
    writer.Append(Buffer::Adopt(std::string(kReferenceBytes, 'c')));
    Write(writer, std::string(2000, 'd'));
    writer.Rewind();
  }
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "instead");
  const Payload instead = writer.Take();
  EXPECT_EQ(Bytes(kept), "kept");
  EXPECT_EQ(Bytes(instead), "instead");
  EXPECT_EQ(instead[0].data(), kept[0].data() + kept[0].size());
}

TEST_F(PayloadWriterTest, RewindAfterTakeLeavesWhatWasTaken) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "taken");
  const Payload taken = writer.Take();
  writer.Rewind();
  writer.Rewind();
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "other");
  EXPECT_EQ(Bytes(writer.Take()), "other");
  EXPECT_EQ(Bytes(taken), "taken");
}

TEST_F(PayloadWriterTest, RewindOfAWriterThatNeverBeganIsNothing) {
  Writer writer(pool_);
  writer.Rewind();
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "x");
  EXPECT_EQ(Bytes(writer.Take()), "x");
}

TEST_F(PayloadWriterTest, AtMostTheLimitIsWritten) {
  Writer writer(pool_, 300);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, std::string(300, 'x'));
  EXPECT_TRUE(writer.status().ok());
  EXPECT_TRUE(writer.Reserve(1).empty());
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(writer.status().message()), testing::HasSubstr("more than 300 bytes"));
}

TEST_F(PayloadWriterTest, AFailureIsStickyUntilTheNextBegin) {
  Writer writer(pool_, 300);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "12345");
  EXPECT_TRUE(writer.Reserve(296).empty());
  EXPECT_TRUE(writer.Reserve(1).empty());  // there would be room
  writer.Append("x");
  writer.Append(Buffer::Adopt(std::string(kReferenceBytes, 'x')));
  writer.Append(Buffer::Adopt("small"));
  EXPECT_EQ(writer.size(), 5u);
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kResourceExhausted);
  writer.Rewind();
  EXPECT_FALSE(writer.status().ok());
  ASSERT_TRUE(writer.Begin().ok());
  EXPECT_TRUE(writer.status().ok());
  Write(writer, std::string(300, 'y'));
  EXPECT_EQ(Bytes(writer.Take()), std::string(300, 'y'));
}

TEST_F(PayloadWriterTest, TheLimitHoldsAcrossBlocksAndReferences) {
  Writer writer(pool_, 2 * kReferenceBytes);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, std::string(2000, 'a'));
  writer.Append(Buffer::Adopt(std::string(kReferenceBytes, 'b')));
  const size_t left = 2 * kReferenceBytes - writer.size();
  EXPECT_EQ(left, kReferenceBytes - 2000);
  writer.Append(std::string(left, 'c'));
  EXPECT_TRUE(writer.status().ok());
  EXPECT_TRUE(writer.Reserve(1).empty());

  writer.Rewind();
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "a");
  writer.Append(Buffer::Adopt(std::string(2 * kReferenceBytes, 'b')));
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(PayloadWriterTest, AnAppendOverTheLimitFails) {
  Writer writer(pool_, 10);
  ASSERT_TRUE(writer.Begin().ok());
  writer.Append("12345678901");
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(PayloadWriterTest, BeginTellsThatThePoolRefuses) {
  pool_.refuses = true;
  Writer writer(pool_);
  EXPECT_EQ(writer.Begin().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(writer.Reserve(1).empty());
  writer.Append("nothing");
  EXPECT_EQ(writer.size(), 0u);
  writer.Rewind();
  pool_.refuses = false;
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "again");
  EXPECT_EQ(Bytes(writer.Take()), "again");
}

TEST_F(PayloadWriterTest, RewindAfterARefusedBeginLeavesWhatWasTaken) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, std::string(900, 'k'));
  const Payload kept = writer.Take();
  ASSERT_FALSE(writer.HasRoom());
  pool_.refuses = true;
  ASSERT_FALSE(writer.Begin().ok());
  writer.Rewind();
  pool_.refuses = false;
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, std::string(900, 'x'));
  EXPECT_EQ(Bytes(writer.Take()), std::string(900, 'x'));
  EXPECT_EQ(Bytes(kept), std::string(900, 'k'));
}

TEST_F(PayloadWriterTest, ARefusalInTheMiddleIsSticky) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "begun");
  pool_.refuses = true;
  EXPECT_TRUE(writer.Reserve(2000).empty());
  pool_.refuses = false;
  EXPECT_TRUE(writer.Reserve(1).empty());
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(writer.status().message()), testing::HasSubstr("refused"));
}

TEST_F(PayloadWriterTest, LargeBuffersAreReferredTo) {
  Writer writer(pool_);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "head");
  Buffer body = Buffer::Adopt(std::string(kReferenceBytes, 'b'));
  const char* bytes = body.data();
  writer.Append(std::move(body));
  Write(writer, "tail");
  EXPECT_EQ(writer.size(), kReferenceBytes + 8);
  const Payload payload = writer.Take();
  ASSERT_EQ(payload.size(), 3u);
  EXPECT_EQ(payload[1].data(), bytes);
  EXPECT_EQ(payload[2].view(), "tail");
  EXPECT_EQ(payload[2].data(), payload[0].data() + payload[0].size());  // the block goes on
}

TEST_F(PayloadWriterTest, SmallBuffersAreCopiedBesideTheirNeighbours) {
  Writer writer(pool_, kLimit, 64 << 10);
  ASSERT_TRUE(writer.Begin().ok());
  Write(writer, "head");
  writer.Append(Buffer::Adopt(std::string(kReferenceBytes - 1, 'b')));
  const Payload payload = writer.Take();
  ASSERT_EQ(payload.size(), 1u);
  EXPECT_EQ(Bytes(payload), "head" + std::string(kReferenceBytes - 1, 'b'));
}

// Pieces of any size in any order, rewound now and then, against a string.
TEST_F(PayloadWriterTest, WritesWhatAStringWouldHold) {
  std::mt19937 random(7);
  const auto below = [&random](size_t bound) { return static_cast<size_t>(random() % bound); };
  Writer writer(pool_);
  std::vector<std::pair<Payload, std::string>> taken;
  for (int round = 0; round < 300; ++round) {
    ASSERT_TRUE(writer.Begin().ok());
    std::string expected;
    for (size_t pieces = below(6); pieces > 0; --pieces) {
      const std::string text(below(4) == 0 ? kReferenceBytes + below(100) : below(3000), static_cast<char>('a' + below(26)));
      expected += text;
      switch (below(3)) {
        case 0:
          Write(writer, text);
          break;
        case 1:
          writer.Append(text);
          break;
        default:
          writer.Append(Buffer::Adopt(text));
      }
    }
    ASSERT_EQ(writer.size(), expected.size());
    if (below(4) == 0) {
      writer.Rewind();
    } else {
      taken.emplace_back(writer.Take(), expected);
    }
  }
  for (const auto& [payload, expected] : taken) ASSERT_EQ(Bytes(payload), expected);
}

}  // namespace
}  // namespace rain
