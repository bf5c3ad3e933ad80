#include "listenrain/codecs/json_rpc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/message_codec_suite.h"

namespace rain {
namespace {

using absl::StatusCode;

class JsonRpc : public testing::Test {
 protected:
  template <typename Encode>
  absl::StatusOr<std::string> Written(Encode encode) {
    PooledWriter writer(*pool_, 64 << 20);
    EXPECT_TRUE(writer.Begin().ok());
    if (absl::Status status = encode(writer); !status.ok()) return status;
    return ToString(writer.Take());
  }
  absl::StatusOr<std::string> Encoded(const MessageHeader& header, const JsonRpcMessage& message) {
    return Written([&](PayloadWriter& to) { return codec_->EncodeMessage(header, message, to); });
  }
  absl::StatusOr<std::string> EncodedError(const MsgId& id, const absl::Status& error) {
    return Written([&](PayloadWriter& to) { return codec_->EncodeError({.id = id}, error, to); });
  }
  absl::StatusOr<MessageHeader> Peeked(const std::string& text) {
    return codec_->PeekHeader(Payload(Buffer::Adopt(text)), Role::acceptor);
  }
  absl::StatusOr<JsonRpcMessage> Decoded(const std::string& text) {
    const auto header = Peeked(text);
    return codec_->DecodeMessage(header.ok() ? *header : MessageHeader(), Payload(Buffer::Adopt(text)));
  }
  absl::Status DecodedError(const std::string& text) { return codec_->DecodeError({}, Payload(Buffer::Adopt(text))); }
  // The text of an answer to a request that came with this id.
  std::string AnswerTo(const std::string& id) {
    const auto header = Peeked(absl::StrCat(R"({"jsonrpc":"2.0","method":"m","id":)", id, "}"));
    EXPECT_TRUE(header.ok()) << header.status();
    return Encoded({.id = header->id, .kind = MessageKind::reply}, {.result = "true"}).value();
  }

  const std::shared_ptr<BufferPool> pool_ = NewBufferPool();
  const std::shared_ptr<const MessageCodec<JsonRpcMessage>> codec_ = NewJsonRpcCodec();
};

TEST_F(JsonRpc, TakesMembersInAnyOrderWithWhiteSpaceAndOthersBetween) {
  const std::string text =
      " {\"params\" : { \"x\" : [ 1 ] } , \"more\":[{}], \"method\":\"caf\\u00e9\",\r\n\"id\":12,\"jsonrpc\":\"2.0\"} ";
  const auto header = Peeked(text);
  EXPECT_EQ(header->kind, MessageKind::request);
  EXPECT_EQ(header->id, MsgId(uint64_t{12}));
  const auto message = Decoded(text);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->method, "caf\xc3\xa9");
  EXPECT_EQ(message->params, "{ \"x\" : [ 1 ] }");
}

TEST_F(JsonRpc, TellsKindsByTheirMembers) {
  EXPECT_EQ(Peeked(R"({"jsonrpc":"2.0","method":"m","id":1})")->kind, MessageKind::request);
  EXPECT_EQ(Peeked(R"({"jsonrpc":"2.0","method":"m"})")->kind, MessageKind::one_way);
  EXPECT_EQ(Peeked(R"({"jsonrpc":"2.0","result":null,"id":1})")->kind, MessageKind::reply);
  EXPECT_EQ(Peeked(R"({"jsonrpc":"2.0","error":{"code":1,"message":""},"id":null})")->kind, MessageKind::error);
  EXPECT_EQ(Decoded(R"({"jsonrpc":"2.0","result":null,"id":1})")->result, "null");
}

TEST_F(JsonRpc, GivesEveryIdBackAsItWasWritten) {
  for (const std::string id : {"0", "1", "9007199254740991", "9007199254740992", "18446744073709551616", "-1", "1.0", "1e3",
                               "\"\"", "\"0\"", "\"1\"", "\"9007199254740991\"", "\"9007199254740992\"",
                               "\"18446744073709551615\"", "\"18446744073709551616\"", "\"a \\u0062\"", "null"}) {
    EXPECT_EQ(AnswerTo(id), absl::StrCat("{\"id\":", id, R"(,"jsonrpc":"2.0","result":true})"));
  }
}

TEST_F(JsonRpc, DifferentIdsAreDifferentMsgIds) {
  std::vector<MsgId> ids;
  for (const std::string id : {"1", "\"1\"", "1.0", "9007199254740993", "\"9007199254740993\"", "null", "\"null\""}) {
    ids.push_back(Peeked(absl::StrCat(R"({"jsonrpc":"2.0","method":"m","id":)", id, "}"))->id);
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_FALSE(ids[i] == ids[j]) << i << " and " << j;
  }
}

TEST_F(JsonRpc, OurIdsAreExactForReadersThatHaveDoublesAlone) {
  for (const uint64_t id : {uint64_t{1}, (uint64_t{1} << 53) - 1, uint64_t{1} << 53, UINT64_MAX}) {
    const nlohmann::json parsed = nlohmann::json::parse(Encoded({.id = MsgId(id)}, {.method = "m"}).value());
    if (id < uint64_t{1} << 53) {
      EXPECT_EQ(static_cast<uint64_t>(parsed["id"].get<double>()), id);
    } else {
      EXPECT_EQ(parsed["id"], std::to_string(id));
    }
  }
}

TEST_F(JsonRpc, WhatItWritesAnotherReaderReads) {
  const auto request =
      nlohmann::json::parse(Encoded({.id = MsgId(uint64_t{7})}, {.method = "a\"\n\xc3\xa9", .params = " [1]"}).value());
  EXPECT_EQ(request, (nlohmann::json{{"jsonrpc", "2.0"}, {"id", 7}, {"method", "a\"\n\xc3\xa9"}, {"params", {1}}}));
  const auto post = nlohmann::json::parse(Encoded({.kind = MessageKind::one_way}, {.method = "m"}).value());
  EXPECT_EQ(post, (nlohmann::json{{"jsonrpc", "2.0"}, {"method", "m"}}));
  const auto error = nlohmann::json::parse(EncodedError(MsgId("\"x\""), absl::InternalError("bad \xff\x01")).value());
  EXPECT_EQ(error["id"], "x");
  EXPECT_EQ(error["error"], (nlohmann::json{{"code", -32603}, {"message", "bad \xef\xbf\xbd\x01"}}));
}

TEST_F(JsonRpc, RefusesWhatIsNoMessageWithAnError) {
  for (const char* text : {"",
                           "1",
                           "[]",
                           R"([{"jsonrpc":"2.0","method":"m"}])",
                           "{}",
                           R"({"jsonrpc":"2.0","id":1})",
                           R"({"jsonrpc":"1.0","method":"m","id":1})",
                           R"({"method":"m","id":1})",
                           R"({"jsonrpc":"2.0","method":1,"id":1})",
                           R"({"jsonrpc":"2.0","method":"m","id":[1]})",
                           R"({"jsonrpc":"2.0","method":"m","id":true})",
                           R"({"jsonrpc":"2.0","method":"m","params":1,"id":1})",
                           R"({"jsonrpc":"2.0","method":"m","method":"n","id":1})",
                           R"({"jsonrpc":"2.0","id":1,"id":2,"method":"n"})",
                           R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})",
                           R"({"jsonrpc":"2.0","id":1,"result":1,"method":"m"})",
                           R"({"jsonrpc":"2.0","result":1})",
                           R"({"jsonrpc":"2.0","method":"m","id":1}x)",
                           R"({"jsonrpc":"2.0","method":"m","id":1,"more":"\ud800"})",
                           "{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":1}",
                           R"({"id":1,"jsonrpc":"2.0","error":{"code":1,"message":""}})"}) {
    EXPECT_EQ(Decoded(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(Peeked(absl::StrCat(R"({"jsonrpc":"2.0","method":"m","id":")", std::string(1100, 'x'), "\"}")).ok());
}

TEST_F(JsonRpc, DeepNestsAndHugeNumbersDoNoHarm) {
  const auto request = [](const std::string& params) {
    return absl::StrCat(R"({"jsonrpc":"2.0","method":"m","params":)", params, R"(,"id":1})");
  };
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_EQ(Decoded(request(deep)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded({}, {.method = "m", .params = deep}).status().code(), StatusCode::kInvalidArgument);
  const std::string numbers = absl::StrCat("[1e999999999,-", std::string(100'000, '9'), "]");
  EXPECT_EQ(Decoded(request(numbers))->params, numbers);
}

TEST_F(JsonRpc, RefusesToWriteWhatIsNoJson) {
  const MessageHeader reply{.id = MsgId(uint64_t{1}), .kind = MessageKind::reply};
  EXPECT_EQ(Encoded({}, {.method = "\xff"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded({}, {.method = "m", .params = "1"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded({}, {.method = "m", .params = "[1"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded({.id = MsgId("uuid")}, {.method = "m"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded(reply, {.result = "[1,]"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded({.id = MsgId("no JSON"), .kind = MessageKind::reply}, {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded(reply, {}).value(), R"({"id":1,"jsonrpc":"2.0","result":null})");
}

TEST_F(JsonRpc, ErrorNumbersBecomeStatusCodes) {
  const auto code_of = [&](int number) {
    return DecodedError(absl::StrCat(R"({"jsonrpc":"2.0","id":1,"error":{"code":)", number, R"(,"message":"m"}})")).code();
  };
  EXPECT_EQ(code_of(-32700), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(-32600), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(-32601), StatusCode::kNotFound);
  EXPECT_EQ(code_of(-32602), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(-32603), StatusCode::kInternal);
  EXPECT_EQ(code_of(-32014), StatusCode::kUnavailable);
  EXPECT_EQ(code_of(-32000), StatusCode::kUnknown);
  EXPECT_EQ(code_of(-32017), StatusCode::kUnknown);
  EXPECT_EQ(code_of(0), StatusCode::kUnknown);
}

TEST_F(JsonRpc, ANumberAndDataOfTheProgramsOwnTravel) {
  const absl::Status error = WithJsonRpcCode(WithDetail(absl::UnknownError("sold out"), R"({"left":0})"), 1404);
  const std::string text = EncodedError(MsgId(uint64_t{1}), error).value();
  EXPECT_EQ(text, R"({"id":1,"jsonrpc":"2.0","error":{"code":1404,"message":"sold out","data":{"left":0}}})");
  const absl::Status returned = DecodedError(text);
  EXPECT_EQ(returned, error);
  EXPECT_EQ(JsonRpcCodeOf(returned), 1404);
  EXPECT_EQ(JsonRpcCodeOf(absl::UnknownError("")), std::nullopt);
}

TEST_F(JsonRpc, ADetailThatIsNoJsonIsLeftOut) {
  EXPECT_EQ(EncodedError(MsgId(uint64_t{1}), WithDetail(absl::UnknownError(""), "\xff")).value(),
            R"({"id":1,"jsonrpc":"2.0","error":{"code":-32002,"message":""}})");
}

TEST_F(JsonRpc, AnErrorThatIsNoneIsAnErrorToo) {
  for (const char* error :
       {"1", "{}", R"({"code":1})", R"({"message":"m"})", R"({"code":"1","message":"m"})", R"({"code":1.5,"message":"m"})",
        R"({"code":1e3,"message":"m"})", R"({"code":99999999999999999999,"message":"m"})", R"({"code":1,"message":2})"}) {
    EXPECT_EQ(DecodedError(absl::StrCat(R"({"jsonrpc":"2.0","id":1,"error":)", error, "}")).code(), StatusCode::kInvalidArgument)
        << error;
  }
}

class JsonRpcMessages : public testing::TestWithParam<MessageCodecCheck> {};

TEST_P(JsonRpcMessages, Conform) {
  // Each is whole in its own kind only: a sample is written with the fields that the kind has.
  const auto codec = NewJsonRpcCodec();
  std::vector<JsonRpcMessage> messages = {
      {.method = "", .result = "null"},
      {.method = "a.b/c \"\\\x01\xc3\xa9", .params = "[1,{\"a\":[]}]", .result = "\"\xe2\x82\xac\""},
      {.method = "m", .params = absl::StrCat("[\"", std::string(70'000, 'x'), "\"]"), .result = "{}"}};
  MessageCodecSubject subject{.codec = codec};
  for (const JsonRpcMessage& message : messages) {
    subject.samples.push_back(
        {.described = message.result,
         .encode = [codec, message](const MessageHeader& header,
                                    PayloadWriter& to) { return codec->EncodeMessage(header, message, to); },
         .strict = true});
  }
  // A request is known by the result that would answer it.
  subject.decode = [codec, messages](const MessageHeader& header, Payload payload) -> absl::StatusOr<std::string> {
    const absl::StatusOr<JsonRpcMessage> decoded = codec->DecodeMessage(header, std::move(payload));
    if (!decoded.ok()) return decoded.status();
    for (const JsonRpcMessage& message : messages) {
      if (decoded->result.empty() && decoded->method == message.method && decoded->params == message.params)
        return message.result;
    }
    return absl::StrCat(decoded->result, decoded->method, decoded->params);
  };
  EXPECT_THAT(GetParam().run(subject), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, JsonRpcMessages, testing::ValuesIn(MessageCodecChecks()), MessageCodecCheckName());

}  // namespace
}  // namespace rain
