#include "listenrain/codecs/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "listenrain/testing/scale.h"
#include "listenrain/testing/violations.h"

namespace rain {
namespace {

TEST(IsJson, TakesEveryKindOfValue) {
  for (const char* text : {"null", "true", "false", "0", "-0", "12.50e+3", "1E-9", "\"\"", "[]", "{}", " [ 1 , [ ] , { } ] ",
                           R"({"a":{"b":[1,2,"c"]},"":null})", R"("\"\\\/\b\f\n\r\t\u00e9\ud83c\udf27")", "\"\xf0\x9f\x8c\xa7\"",
                           "123456789012345678901234567890", "1e999999999", "\t\r\n 1 \t\r\n"}) {
    EXPECT_TRUE(IsJson(text)) << text;
  }
}

TEST(IsJson, RefusesWhatIsNearlyJson) {
  for (const char* text :
       {"",        " ",       "nul",    "nulll",       "True",      "01",        "-",          "+1",
        ".5",      "1.",      "1e",     "1e+",         "0x1",       "NaN",       "Infinity",   "\"",
        "\"a",     "'a'",     "[",      "]",           "[1",        "[1,",       "[1,]",       "[,1]",
        "[1 2]",   "{",       "}",      "{,}",         "{\"a\"}",   "{\"a\":}",  "{\"a\":1,}", "{\"a\" 1}",
        "{a:1}",   "{1:1}",   "[}",     "{]",          "[1}",       "{\"a\":1]", "1 2",        "{} {}",
        "// c\n1", "\"\\x\"", "\"\\\"", "\"\\u12g4\"", "\"\\u12\"", "\"\n\"",    "\"\x1f\"",   "\xef\xbb\xbf\x31",
        "1,"}) {
    EXPECT_FALSE(IsJson(text)) << text;
  }
  EXPECT_FALSE(IsJson(absl::string_view("1\0", 2)));
  EXPECT_FALSE(IsJson(absl::string_view("\"\\\0\"", 4)));
}

TEST(IsJson, RefusesInvalidUtf8AndHalfSurrogates) {
  for (const char* bytes : {"\x80",
                            "\xc0\x80",
                            "\xc1\xbf",
                            "\xc3",
                            "\xc3(",
                            "\xe0\x80\x80",
                            "\xe0\x9f\xbf",
                            "\xed\xa0\x80",
                            "\xe2\x82",
                            "\xf0\x80\x80\x80",
                            "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80",
                            "\xff",
                            "\\ud800",
                            "\\udc00",
                            "\\ud800x",
                            "\\ud800\\n",
                            "\\ud800\\u0041",
                            "\\udc00\\ud800"}) {
    EXPECT_FALSE(IsJson(absl::StrCat("\"", bytes, "\""))) << absl::CHexEscape(bytes);
  }
}

TEST(IsJson, IsDeepOnlySoFarAndNeverRecursive) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(IsJson(nested(kMaxJsonDepth)));
  EXPECT_FALSE(IsJson(nested(kMaxJsonDepth + 1)));
  EXPECT_FALSE(IsJson(nested(10'000'000)));
}

TEST(JsonString, ComesBack) {
  for (const std::string& text : {std::string(), std::string("plain"), std::string("\0\x01\x1f\x7f\"\\/\b\n", 9),
                                  std::string("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\xa7")}) {
    const std::string token = JsonString(text, false);
    EXPECT_TRUE(IsJson(token)) << token;
    EXPECT_EQ(FromJsonString(token), text);
  }
  EXPECT_EQ(FromJsonString(R"("\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83c\udf27")"),
            "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xa7");
}

TEST(JsonString, OfInvalidUtf8IsRepairedOrNothing) {
  EXPECT_EQ(JsonString("a\xff\xc3", false), "");
  EXPECT_EQ(JsonString("a\xff\xc3", true), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

using Members = std::vector<std::pair<std::string, std::string>>;

// Nothing if the text is no object.
std::pair<bool, Members> Read(absl::string_view text) {
  Members all;
  JsonMembers members(text);
  while (members.Next()) {
    std::string key(members.key());
    all.emplace_back(std::move(key), std::string(members.Value()));
  }
  return {members.complete(), all};
}

TEST(JsonMembers, AreReadInOrderWithTheirTexts) {
  const Members expected = {{"a", "1"}, {"b", "[1, {\"a\":2}]"}, {"a", "null"}, {"caf\xc3\xa9", "\"\\u0041\""}};
  EXPECT_EQ(Read(R"( { "a" : 1 , "b":[1, {"a":2}],"a":null, "caf\u00e9": "\u0041" } )"), std::make_pair(true, expected));
  EXPECT_EQ(Read("{}"), std::make_pair(true, Members()));
}

TEST(JsonMembers, ValuesNotAskedForArePassedOver) {
  JsonMembers members(R"({"a":[1,2],"b":3})");
  ASSERT_TRUE(members.Next());
  ASSERT_TRUE(members.Next());
  EXPECT_EQ(members.key(), "b");
  EXPECT_EQ(members.Value(), "3");
  EXPECT_EQ(members.Value(), "");  // once for each
  EXPECT_FALSE(members.Next());
  EXPECT_TRUE(members.complete());
}

TEST(JsonMembers, OfWhatIsNoObjectAreNotComplete) {
  for (const char* text :
       {"", "1", "[]", "{", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\":1}x", "{\"a\":1 2}", "{\"a\":x}", "{,}", "{} {}"}) {
    EXPECT_FALSE(Read(text).first) << text;
  }
}

TEST(JsonMembers, AValueThatMayGoOnIsNoValue) {
  JsonMembers members("{\"id\":12");
  ASSERT_TRUE(members.Next());
  EXPECT_EQ(members.Value(), "");
  EXPECT_FALSE(members.Next());
}

// What another reader says; nothing where the two may differ. That one takes a zero byte for the end, passes over a byte order
// mark, and gives up at a number that is too large for it.
std::optional<bool> NlohmannTakes(const std::string& text) {
  if (text.find('\0') != std::string::npos || text.rfind('\xef', 0) == 0) return std::nullopt;
  try {
    return !nlohmann::json::parse(text).is_discarded();
  } catch (const nlohmann::json::out_of_range&) {
    return std::nullopt;
  } catch (const nlohmann::json::parse_error&) {
    return false;
  }
}

TEST(IsJson, AgreesWithAnotherReaderOnDamagedTexts) {
  const std::vector<std::string> seeds = {
      R"({"id":17,"jsonrpc":"2.0","method":"add","params":[1,-2.5e3,true,false,null,"a\u00e9\ud83c\udf27\n"]})",
      R"([[],{},{"a":{"b":[{}]}},"\\\"/",0,-0,1E+2])",
      "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\xa7 \xed\x9f\xbf \xf4\x8f\xbf\xbf\"", " { \"a\" : [ 1 , 2 ] , \"b\" : { } } "};
  const absl::string_view kPieces = "{}[],:\"\\/bfnrtu0123456789.eE+- \n\xc3\xa9\xed\xa0\xf4\x80\xbf";
  Dice dice(5);
  int valid = 0;
  for (int64_t round = Scaled(100'000, 20'000, 1'000'000); round > 0; --round) {
    std::string text = seeds[dice.Below(seeds.size())];
    for (size_t wounds = dice.Below(3); wounds > 0 && !text.empty(); --wounds) {
      const size_t at = dice.Below(text.size());
      const char piece = kPieces[dice.Below(kPieces.size())];
      switch (dice.Below(3)) {
        case 0:
          text[at] = piece;
          break;
        case 1:
          text.erase(at, 1 + dice.Below(3));
          break;
        default:
          text.insert(at, 1, piece);
      }
    }
    const std::optional<bool> takes = NlohmannTakes(text);
    if (!takes.has_value()) continue;
    ASSERT_EQ(IsJson(text), *takes) << absl::CHexEscape(text);
    if (!*takes) continue;
    ++valid;
    const nlohmann::json value = nlohmann::json::parse(text);
    if (value.is_string() && text[0] == '"' && text.back() == '"') {
      ASSERT_EQ(FromJsonString(text), value.get<std::string>());
    }
    ASSERT_EQ(Read(text).first, value.is_object()) << text;
  }
  EXPECT_GT(valid, 1000);
}

}  // namespace
}  // namespace rain
