#include "listenrain/framework/transport_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash_testing.h"
#include "absl/strings/str_cat.h"

namespace rain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

struct Parsed {
  const char* text;
  const char* scheme;
  const char* address;
};

class GoodKeys : public testing::TestWithParam<Parsed> {};

TEST_P(GoodKeys, AreTakenApart) {
  const TransportKey key(GetParam().text);
  EXPECT_TRUE(key.status().ok()) << key.status();
  EXPECT_EQ(key.text(), GetParam().text);
  EXPECT_EQ(key.scheme(), GetParam().scheme);
  EXPECT_EQ(key.address(), GetParam().address);
  EXPECT_THAT(key.options(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(TransportKey, GoodKeys,
                         testing::Values(Parsed{"tcp://127.0.0.1:8899", "tcp", "127.0.0.1:8899"},
                                         Parsed{"tcp://[::1]:0", "tcp", "[::1]:0"},
                                         Parsed{"unix:///run/x.sock", "unix", "/run/x.sock"},
                                         Parsed{"unix:relative/x.sock", "unix", "relative/x.sock"},
                                         Parsed{"unix:@abstract", "unix", "@abstract"}, Parsed{"inproc://name", "inproc", "name"},
                                         Parsed{"inproc:a:b//c", "inproc", "a:b//c"},
                                         Parsed{"tls+tcp://host:1", "tls+tcp", "host:1"}, Parsed{"x.y-z2:1", "x.y-z2", "1"}));

class BadKeys : public testing::TestWithParam<std::pair<std::string, const char*>> {};

TEST_P(BadKeys, SayWhatIsWrong) {
  const auto& [text, wrong] = GetParam();
  const TransportKey key{absl::string_view(text)};
  EXPECT_EQ(key.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(key.status().message()), HasSubstr(wrong));
  EXPECT_THAT(std::string(key.status().message()), HasSubstr("tcp://127.0.0.1:8899"));  // what to write instead
  EXPECT_EQ(key.text(), text);
  EXPECT_EQ(key.scheme(), "");
  EXPECT_EQ(key.address(), "");
  EXPECT_THAT(key.options(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    TransportKey, BadKeys,
    testing::Values(
        std::pair("", "no scheme"), std::pair("name", "no scheme"), std::pair(":address", "no scheme"),
        std::pair("127.0.0.1:8899", "no scheme"), std::pair("//host:1", "no scheme"),
        std::pair("t cp:x", "character that no scheme may have"), std::pair("tcp:", "no address"),
        std::pair("tcp://", "no address"), std::pair("tcp://?a=b", "no address"),
        std::pair("tcp://a:1,b:1?x", "one of its endpoints is wrong"), std::pair("tcp://a:1,", "one of its endpoints is wrong"),
        std::pair("tcp://a?x", "option \"x\" is not name=value"), std::pair("tcp://a?", "option \"\" is not name=value"),
        std::pair("tcp://a?=1", "is not name=value"), std::pair("tcp://a?x=1&x=2", "option \"x\" is given twice"),
        std::pair("tcp://a?x=1&", "option \"\" is not name=value"), std::pair(std::string("unix:a\0b", 8), "zero byte")));

TEST(TransportKey, WithAZeroByteIsShownEscaped) {
  const TransportKey key{absl::string_view("unix:a\0b", 8)};
  EXPECT_THAT(std::string(key.status().message()), HasSubstr("unix:a\\x00"));
}

TEST(TransportKey, HasOptionsInTheOrderOfTheirNames) {
  const TransportKey key("tcp://a:1?nodelay=0&backlog=5&empty=&odd=a=b?c");
  EXPECT_TRUE(key.status().ok()) << key.status();
  EXPECT_EQ(key.address(), "a:1");
  EXPECT_THAT(key.options(), ElementsAre(Pair("backlog", "5"), Pair("empty", ""), Pair("nodelay", "0"), Pair("odd", "a=b?c")));
}

TEST(TransportKey, CheckOptionsNamesTheUnknownOneAndTheKnown) {
  const TransportKey key("tcp://a:1?backlog=5&colour=red");
  EXPECT_TRUE(key.CheckOptions({"backlog", "colour", "more"}).ok());
  const absl::Status status = key.CheckOptions({"backlog", "nodelay"});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("unknown option \"colour\"; tcp takes: backlog, nodelay"));
  EXPECT_THAT(std::string(key.CheckOptions({}).message()), HasSubstr("tcp takes none"));
  EXPECT_TRUE(TransportKey("tcp://a:1").CheckOptions({}).ok());
}

TEST(TransportKey, ReadsNumbersAmongItsOptions) {
  const TransportKey key("tcp://a:1?least=1&most=9000000000&mode=0660");
  int least = 7;
  size_t most = 7;
  int mode = -1;
  int absent = 7;
  EXPECT_TRUE(key.ReadOption("least", 1, 5, least).ok());
  EXPECT_TRUE(key.ReadOption("most", 1, 9'000'000'000, most).ok());
  EXPECT_TRUE(key.ReadOption("mode", 0, 07777, mode, 8).ok());
  EXPECT_TRUE(key.ReadOption("absent", 1, 5, absent).ok());
  EXPECT_EQ(least, 1);
  EXPECT_EQ(most, 9'000'000'000u);
  EXPECT_EQ(mode, 0660);
  EXPECT_EQ(absent, 7);
}

TEST(TransportKey, ANumberOutOfRangeOrNoneIsToldAndLeavesTheValue) {
  for (const char* text : {"0", "6", "", "x", "3x", " 3", "+3", "-3", "3.0", "0x3", "99999999999999999999"}) {
    const TransportKey key(absl::StrCat("tcp://a:1?n=", text));
    int value = 7;
    const absl::Status status = key.ReadOption("n", 1, 5, value);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("\"n\" takes a number from 1 to 5, and not \"", text)));
    EXPECT_EQ(value, 7);
  }
  int mode = -1;
  const absl::Status no_octal = TransportKey("unix:///a?mode=0668").ReadOption("mode", 0, 07777, mode, 8);
  EXPECT_THAT(std::string(no_octal.message()), HasSubstr("takes a number from 0 to 7777, octal"));
}

TEST(TransportKey, IsAValue) {
  const TransportKey key("tcp://a:1?x=1");
  TransportKey copy = key;
  EXPECT_EQ(copy, key);
  const TransportKey moved = std::move(copy);
  EXPECT_EQ(moved, key);
  EXPECT_EQ(moved.address(), "a:1");
  EXPECT_NE(key, TransportKey("tcp://a:1"));
  EXPECT_EQ(TransportKey(), TransportKey(""));
  EXPECT_FALSE(TransportKey().status().ok());
}

TEST(TransportKey, HashesAsItCompares) {
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(
      {TransportKey(), TransportKey("tcp://a:1"), TransportKey("tcp://a:2"), TransportKey("unix:@x")}));
  absl::flat_hash_set<TransportKey> keys = {TransportKey("tcp://a:1")};
  EXPECT_TRUE(keys.contains(std::string("tcp://a:1")));
  EXPECT_FALSE(keys.contains("tcp://a:2"));
}

TEST(TransportKey, AListHasItsEndpointsInOrder) {
  const TransportKey key("tcp://a:1?backoff=5,unix:///b");
  ASSERT_TRUE(key.status().ok()) << key.status();
  EXPECT_EQ(key.endpoints(), (std::vector<TransportKey>{"tcp://a:1?backoff=5", "unix:///b"}));
  EXPECT_TRUE(key.scheme().empty() && key.address().empty() && key.options().empty());
  EXPECT_TRUE(TransportKey("tcp://a:1").endpoints().empty());
}

}  // namespace
}  // namespace rain
