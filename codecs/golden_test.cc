// Reads the golden frames in WIRE.md and holds the codecs to them: the page cannot drift from the code.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "listenrain/codecs/capnp_codec.h"
#include "listenrain/codecs/capnp_struct_fixture_test.h"
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/delimiter.h"
#include "listenrain/codecs/json_rpc.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/codecs/raw_message.h"
#include "listenrain/codecs/zigzag_prefix.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/wire_page.h"

namespace rain {
namespace {

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

// Cuts the packet and gives its payload; the codec must put the same header and trailer around it again.
std::string Unframed(const PacketCodec& codec, const Golden& golden) {
  ScanState scan;
  const auto shape = codec.DecodePacket(golden.bytes, scan);
  EXPECT_TRUE(shape.ok()) << shape.status();
  if (!shape.ok()) return {};
  EXPECT_EQ(shape->total, golden.bytes.size());
  std::string payload = golden.bytes.substr(shape->header, shape->total - shape->header - shape->trailer);
  std::string header(shape->header, '\0');
  std::string trailer(shape->trailer, '\0');
  EXPECT_TRUE(codec.EncodePacket({absl::MakeConstSpan(payload)}, absl::MakeSpan(header), absl::MakeSpan(trailer)).ok());
  EXPECT_EQ(Hex(header + payload + trailer), Hex(golden.bytes));
  return payload;
}

MessageHeader HeaderOf(const Golden& golden) {
  static const auto& kinds = *new std::map<std::string, MessageKind>{
      {"request", MessageKind::request}, {"reply", MessageKind::reply},    {"error", MessageKind::error},
      {"one_way", MessageKind::one_way}, {"cancel", MessageKind::cancel},  {"ping", MessageKind::ping},
      {"pong", MessageKind::pong},       {"go_away", MessageKind::go_away}};
  EXPECT_TRUE(kinds.count(golden.Text("kind")) != 0) << golden.Text("kind");
  MessageHeader header{.kind = kinds.at(golden.Text("kind"))};
  if (golden.Has("id")) header.id = MsgId(static_cast<uint64_t>(golden.Number("id")));
  if (golden.Has("flags")) header.flags = static_cast<uint16_t>(std::stoul(golden.Text("flags"), nullptr, 16));
  if (golden.Has("remaining")) header.remaining = absl::Microseconds(golden.Number("remaining"));
  return header;
}

Message MessageOf(const Golden& golden) {
  Message message{.method = golden.Number("method"), .command = golden.Text("command")};
  if (golden.Has("metadata")) {
    for (const std::string& pair : golden.fields.at("metadata")) {
      const std::pair<std::string, std::string> entry = absl::StrSplit(pair, absl::MaxSplits('=', 1));
      message.metadata.Add(entry.first, entry.second);
    }
  }
  if (golden.Has("body")) message.body = Message::Text(golden.Text("body")).body;
  return message;
}

Payload OnePiece(const std::string& bytes) {
  Payload payload;
  payload.push_back(Buffer::Adopt(bytes));
  return payload;
}

template <class M>
using Describe = absl::FunctionRef<std::string(const M&)>;

template <class M>
void CheckEncoding(const MessageCodec<M>& codec, const Golden& golden, const MessageHeader& header, const M& message,
                   const absl::Status& error, absl::string_view payload) {
  const auto pool = NewBufferPool();
  PooledWriter writer(*pool, 1 << 20);
  ASSERT_TRUE(writer.Begin().ok());
  absl::Status encoded;
  if (golden.Text("kind") == "error") {
    encoded = codec.EncodeError(header, error, writer);
  } else if (golden.Text("kind") == "ping") {
    const absl::Span<char> first = writer.Reserve(codec.traits().header_bytes);
    codec.WriteHeader(header, first);
    writer.Commit(first.size());
  } else {
    encoded = codec.EncodeMessage(header, message, writer);
  }
  ASSERT_TRUE(encoded.ok()) << encoded;
  EXPECT_EQ(Hex(ToString(writer.Take())), Hex(payload));
}

template <class M>
void CheckMessage(const MessageCodec<M>& codec, const Golden& golden, const MessageHeader& header, const M& message,
                  Describe<M> describe) {
  const std::string payload = Unframed(*NewLengthPrefixCodec(), golden);
  const absl::Status error =
      WithDetail(absl::Status(static_cast<absl::StatusCode>(golden.Number("code")), golden.Text("text")), golden.Text("detail"));
  CheckEncoding(codec, golden, header, message, error, payload);

  const auto peeked = codec.PeekHeader(OnePiece(payload), Role::acceptor);
  ASSERT_TRUE(peeked.ok()) << peeked.status();
  EXPECT_EQ(peeked->id, header.id);
  EXPECT_EQ(peeked->kind, header.kind);
  EXPECT_EQ(peeked->flags, header.flags);
  EXPECT_EQ(peeked->remaining, header.remaining);
  if (header.kind == MessageKind::error) {
    EXPECT_EQ(codec.DecodeError(*peeked, OnePiece(payload)), error);
    return;
  }
  const auto decoded = codec.DecodeMessage(*peeked, OnePiece(payload));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(describe(*decoded), describe(message));
}

void CheckNative(const MessageCodec<Message>& codec, const Golden& golden) {
  CheckMessage<Message>(codec, golden, HeaderOf(golden), MessageOf(golden), [](const Message& message) {
    std::string described = absl::StrCat(message.method, ", ", message.command, ", ", message.text());
    for (const auto& [key, value] : message.metadata.entries()) absl::StrAppend(&described, ", ", key, "=", value);
    return described;
  });
}

void CheckRaw(const Golden& golden) {
  RawMessage message{.id = RawMessageId(static_cast<uint64_t>(golden.Number("number"))), .body = OnePiece(golden.Text("body"))};
  const MessageHeader header{.id = MsgId(absl::string_view(message.id))};
  CheckMessage<RawMessage>(*NewRawMessageCodec(), golden, header, message,
                           [](const RawMessage& raw) { return raw.id + raw.text(); });
}

void CheckJob(const Golden& golden) {
  const Job job = MakeJob(static_cast<uint64_t>(golden.Number("id")), golden.Text("name"), golden.Text("body"));
  const MessageHeader header{.id = MsgId(job.reader().getId())};
  CheckMessage<Job>(*NewJobCodec(), golden, header, job, DescribeJob);
}

void CheckJsonRpc(const Golden& golden) {
  const JsonRpcMessage message{.method = golden.Text("method"), .params = golden.Text("params"), .result = golden.Text("result")};
  CheckMessage<JsonRpcMessage>(*NewJsonRpcCodec(), golden, HeaderOf(golden), message, [](const JsonRpcMessage& json) {
    return absl::StrCat(json.method, ", ", json.params, ", ", json.result);
  });
}

std::string Word(size_t value) {
  char bytes[4];
  Store<uint32_t>(bytes, static_cast<uint32_t>(value));
  return std::string(bytes, 4);
}

void CheckSayHi(const Golden& golden) {
  const std::string id = golden.Text("id");
  const std::string name = golden.Text("name");
  const std::string payload =
      Word(4 + id.size()) + Word(static_cast<size_t>(golden.Number("command"))) + id + Word(name.size()) + name;
  EXPECT_EQ(Hex(Unframed(*NewLengthPrefixCodec(), golden)), Hex(payload));
}

// By the name that a block gives.
const std::map<std::string, std::shared_ptr<const PacketCodec>>& PacketCodecs() {
  static const auto& codecs = *new std::map<std::string, std::shared_ptr<const PacketCodec>>{
      {"length prefix", NewLengthPrefixCodec()},
      {"length prefix, 2 bytes, little-endian, counts itself",
       NewLengthPrefixCodec({.width = 2, .order = ByteOrder::little, .counts_itself = true}).value()},
      {"delimiter", NewDelimiterCodec()},
      {"delimiter, carriage return and line feed", NewDelimiterCodec({.delimiter = "\r\n"}).value()},
      {"zig-zag prefix, 2048 at most", NewZigzagPrefixCodec({.max_payload_bytes = 2048}).value()},
      {"zig-zag prefix, 255 at most", NewZigzagPrefixCodec({.max_payload_bytes = 255}).value()},
  };
  return codecs;
}

TEST(WirePage, GoldenFramesAreWhatTheCodecsWriteAndRead) {
  std::map<std::string, int> seen;
  for (const Golden& golden : ReadWirePage()) {
    SCOPED_TRACE(absl::StrCat("WIRE.md, line ", golden.line));
    const std::string codec = golden.Text("codec");
    ++seen[codec];
    if (const auto packets = PacketCodecs().find(codec); packets != PacketCodecs().end()) {
      EXPECT_EQ(Unframed(*packets->second, golden), golden.Text("payload"));
    } else if (codec == "compact") {
      CheckNative(*NewCompactCodec(), golden);
    } else if (codec == "capnp") {
      CheckNative(*NewCapnpCodec(), golden);
    } else if (codec == "raw") {
      CheckRaw(golden);
    } else if (codec == "capnp struct") {
      CheckJob(golden);
    } else if (codec == "json-rpc") {
      CheckJsonRpc(golden);
    } else if (codec == "sayhi") {
      CheckSayHi(golden);
    } else if (codec != "protobuf") {  // protobuf_message_test.cc
      ADD_FAILURE() << "no such codec: " << codec;
    }
  }
  // A page that is not understood must not pass.
  for (const auto& [name, packets] : PacketCodecs()) EXPECT_GE(seen[name], 1) << name;
  EXPECT_EQ(seen["length prefix"], 2);
  EXPECT_EQ(seen["compact"], 5);
  EXPECT_EQ(seen["capnp"], 4);
  EXPECT_EQ(seen["capnp struct"], 1);
  EXPECT_EQ(seen["raw"], 1);
  EXPECT_EQ(seen["json-rpc"], 5);
  EXPECT_EQ(seen["sayhi"], 2);
}

}  // namespace
}  // namespace rain
