#include "listenrain/codecs/protobuf_message.h"

#include <codecs/protobuf_message_test.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "listenrain/codecs/capnp_codec.h"
#include "listenrain/codecs/encoded_test.h"
#include "listenrain/testing/message_codec_suite.h"
#include "listenrain/testing/wire_page.h"

namespace rain {
namespace {

using absl::StatusCode;
using Search = ProtobufMessage<schema::Search>;

Search Find(std::string query, int page = 0) {
  Search search;
  search.method = 3;
  search.body.set_query(std::move(query));
  if (page != 0) search.body.set_page(page);
  return search;
}

TEST(ProtobufCodec, IsACompactMessageWhoseBodyIsTheProtobuf) {
  Search search = Find("rain", 2);
  search.command = "find";
  search.metadata.Add("k", "v");
  const auto codec = NewProtobufCodec<schema::Search>();
  Payload payload = Encoded(*codec, {.id = MsgId(uint64_t{7})}, search).value();
  const Message native = NewCompactCodec()->DecodeMessage({}, Share(payload)).value();
  EXPECT_EQ(native.method, 3);
  EXPECT_EQ(native.command, "find");
  EXPECT_EQ(native.metadata.entries(), search.metadata.entries());
  EXPECT_EQ(native.text(), search.body.SerializeAsString());
  EXPECT_EQ(payload.size(), 1u);
}

TEST(ProtobufCodec, GoldenFrames) {
  int seen = 0;
  for (const Golden& golden : ReadWirePage()) {
    if (golden.Text("codec") != "protobuf") continue;
    SCOPED_TRACE(absl::StrCat("WIRE.md, line ", golden.line));
    ++seen;
    const auto codec = NewProtobufCodec<schema::Search>();
    const MessageHeader header{.id = MsgId(static_cast<uint64_t>(golden.Number("id")))};
    const std::string payload = golden.bytes.substr(4);
    const Search search = Find(golden.Text("query"), static_cast<int>(golden.Number("page")));
    EXPECT_EQ(absl::BytesToHexString(ToString(*Encoded(*codec, header, search))), absl::BytesToHexString(payload));
    const auto decoded = codec->DecodeMessage(header, Payload(Buffer::Adopt(payload)));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->body.SerializeAsString(), search.body.SerializeAsString());
  }
  EXPECT_EQ(seen, 1);
}

TEST(ProtobufCodec, AMessageOfNoBytesTravels) {
  const auto codec = NewProtobufCodec<schema::Nothing>();
  EXPECT_TRUE(codec->DecodeMessage({}, *Encoded(*codec, {}, ProtobufMessage<schema::Nothing>())).ok());
}

TEST(ProtobufCodec, RefusesToWriteWhatLacksRequiredFields) {
  EXPECT_EQ(Encoded(*NewProtobufCodec<schema::Search>(), {}, Search()).status().code(), StatusCode::kInvalidArgument);
}

TEST(ProtobufCodec, RefusesBodiesOfAnotherMessage) {
  const auto decode = [](const std::string& body) {
    const Payload payload = Encoded(*NewCompactCodec(), {}, Message::Text(0, body)).value();
    return NewProtobufCodec<schema::Search>()->DecodeMessage({}, Share(payload)).status().code();
  };
  EXPECT_EQ(decode(std::string("\x0a\x01q", 3)), StatusCode::kOk);
  EXPECT_EQ(decode(""), StatusCode::kInvalidArgument);  // a required field is not there
  EXPECT_EQ(decode("\xff\xff"), StatusCode::kInvalidArgument);
  EXPECT_EQ(decode(std::string("\x0a\x7fq", 3)), StatusCode::kInvalidArgument);
  std::string deep = Find("q").body.SerializeAsString();
  for (int depth = 0; depth < 200; ++depth) {
    schema::Search outer = Find("q").body;
    std::string bytes = outer.SerializeAsString() + "\x2a";
    for (size_t size = deep.size(); size > 0x7f; size >>= 7) bytes += static_cast<char>((size & 0x7f) | 0x80);
    size_t size = deep.size();
    while (size > 0x7f) size >>= 7;
    deep.insert(0, bytes + static_cast<char>(size));
  }
  EXPECT_EQ(decode(deep), StatusCode::kInvalidArgument);  // deeper than Protobuf reads
}

TEST(ProtobufCodec, RoutesAsItsEnvelopeDoes) {
  const auto codec = NewProtobufCodec<schema::Search>();
  Search search = Find("q");
  EXPECT_EQ(codec->RouteOf(search), Route(int64_t{3}));
  search.command = "find";
  EXPECT_EQ(codec->RouteOf(search), Route(absl::string_view("find")));
}

struct Envelope {
  const char* name;
  std::shared_ptr<const MessageCodec<Message>> (*make)();
};

class ProtobufMessages : public testing::TestWithParam<std::tuple<Envelope, MessageCodecCheck>> {};

TEST_P(ProtobufMessages, Conform) {
  const auto& [envelope, check] = GetParam();
  std::vector<Search> searches;
  searches.push_back(Find(""));
  searches.push_back(Find("caf\xc3\xa9", -1));
  searches.back().command = "find";
  searches.back().metadata.Add("k", std::string("\0\xff", 2));
  searches.push_back(Find("many"));
  for (int i = 0; i < 100; ++i) searches.back().body.add_tags(absl::StrCat("tag ", i));
  searches.push_back(Find("large"));
  searches.back().body.set_blob(std::string(70'000, '\xff'));
  auto subject = NewMessageCodecSubject<Search>(
      NewProtobufCodec<schema::Search>(envelope.make()), std::move(searches), [](const Search& search) {
        std::string described = absl::StrCat(search.method, ", ", std::hash<std::string>()(search.body.SerializeAsString()));
        for (const auto& [key, value] : search.metadata.entries())
          absl::StrAppend(&described, ", ", key, "=", absl::CHexEscape(value));
        return described;
      });
  subject.remaining = true;
  subject.flags = 0xff00;
  subject.error_detail = true;
  EXPECT_THAT(check.run(subject), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, ProtobufMessages,
                         testing::Combine(testing::Values(Envelope{"Compact", NewCompactCodec}, Envelope{"Capnp", NewCapnpCodec}),
                                          testing::ValuesIn(MessageCodecChecks())),
                         [](const auto& tested) {
                           return absl::StrCat(std::get<0>(tested.param).name, "_", std::get<1>(tested.param).name);
                         });

}  // namespace
}  // namespace rain
