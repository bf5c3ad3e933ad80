#include "listenrain/framework/msg_id.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash_testing.h"

namespace rain {
namespace {

TEST(MsgId, IsEmptyAnIntegerOrBytes) {
  const MsgId none;
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.is_integer() || none.is_bytes());

  const MsgId integer(17u);
  EXPECT_TRUE(integer.is_integer());
  EXPECT_EQ(integer.integer(), 17u);
  EXPECT_EQ(integer.bytes(), "");
  EXPECT_FALSE(integer.empty());

  const MsgId bytes("ab");
  EXPECT_TRUE(bytes.is_bytes());
  EXPECT_EQ(bytes.bytes(), "ab");
  EXPECT_EQ(bytes.integer(), 0u);
}

TEST(MsgId, KeepsBytesWhateverTheyAre) {
  std::string text("\0\xff,\n", 4);
  const MsgId id{absl::string_view(text)};
  text.assign("gone");
  EXPECT_EQ(id.bytes(), absl::string_view("\0\xff,\n", 4));
}

TEST(MsgId, ZeroAndNoBytesAreIdsToo) {
  EXPECT_FALSE(MsgId(0u).empty());
  EXPECT_FALSE(MsgId(absl::string_view()).empty());
  EXPECT_NE(MsgId(0u), MsgId());
  EXPECT_NE(MsgId(absl::string_view()), MsgId());
  EXPECT_NE(MsgId(absl::string_view()), MsgId(0u));
}

TEST(MsgId, EqualityIsOfKindAndValue) {
  EXPECT_EQ(MsgId(5u), MsgId(5u));
  EXPECT_NE(MsgId(5u), MsgId(6u));
  EXPECT_EQ(MsgId("5"), MsgId("5"));
  EXPECT_NE(MsgId("5"), MsgId(5u));
  EXPECT_EQ(MsgId(), MsgId());
}

TEST(MsgId, CopiesShareNothing) {
  MsgId original("a uuid, say");
  const MsgId copy = original;
  EXPECT_NE(copy.bytes().data(), original.bytes().data());
  original = MsgId(7u);
  EXPECT_EQ(copy.bytes(), "a uuid, say");
  EXPECT_EQ(original.integer(), 7u);
}

TEST(MsgId, WhatWasMovedFromIsEmpty) {
  for (MsgId from : {MsgId(5u), MsgId("five")}) {
    const MsgId same = from;
    MsgId to = std::move(from);
    EXPECT_TRUE(from.empty());  // NOLINT: promised
    EXPECT_EQ(to, same);
    MsgId assigned(9u);
    assigned = std::move(to);
    EXPECT_TRUE(to.empty());  // NOLINT: promised
    EXPECT_EQ(assigned, same);
  }
}

TEST(MsgId, AssigningItToItselfChangesNothing) {
  MsgId id("self");
  MsgId& same = id;
  id = same;
  EXPECT_EQ(id.bytes(), "self");
}

TEST(MsgId, HashesAsItCompares) {
  const std::vector<MsgId> ids = {MsgId(), MsgId(0u), MsgId(1u), MsgId(~uint64_t{0}), MsgId(""), MsgId("1"), MsgId("x")};
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(ids));
  absl::flat_hash_map<MsgId, int> map;
  map[MsgId("x")] = 1;
  map[MsgId(3u)] = 2;
  EXPECT_EQ(map.at(MsgId("x")), 1);
  EXPECT_EQ(map.at(MsgId(3u)), 2);
  EXPECT_FALSE(map.contains(MsgId()));
}

TEST(MsgId, ReadsWellInTexts) {
  EXPECT_EQ(ToString(MsgId()), "none");
  EXPECT_EQ(ToString(MsgId(~uint64_t{0})), "18446744073709551615");
  EXPECT_EQ(ToString(MsgId("call-7")), "call-7");
  EXPECT_EQ(ToString(MsgId(absl::string_view("a\0\n", 3))), "a\\x00\\n");
  EXPECT_EQ(ToString(MsgId("123e4567-e89b-12d3-a456-426614174000")), "123e4567-e89b-12d3-a456-426614174000");
  EXPECT_EQ(ToString(MsgId("sixteen letters.")), "sixteen letters.");
  EXPECT_EQ(ToString(MsgId(absl::string_view("\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\0", 16))),
            "123e4567-e89b-12d3-a456-426614174000");
}

}  // namespace
}  // namespace rain
