#include "listenrain/codecs/json_rpc.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "listenrain/codecs/json_text.h"
#include "listenrain/codecs/native_fields.h"
#include "listenrain/codecs/payload_cursor.h"
#include "listenrain/framework/status.h"

namespace rain {
namespace {

// Ours begin with the id, so that it has a fixed place, and a received one of ours tells its kind within its first bytes.
constexpr absl::string_view kIdKey = "{\"id\":";
constexpr absl::string_view kVersion = "\"jsonrpc\":\"2.0\",";
constexpr size_t kIdBytes = sizeof("\"18446744073709551615\"") - 1;
constexpr size_t kHeaderBytes = kIdKey.size() + kIdBytes;  // less than the shortest object of JSON-RPC has
constexpr size_t kMaxIdBytes = 1 << 10;
constexpr uint64_t kExactNumbers = uint64_t{1} << 53;  // what a double counts to

constexpr absl::string_view kCodeUrl = "listenrain/json_rpc_code";
constexpr int64_t kParseError = -32700;
constexpr int64_t kInvalidRequest = -32600;
constexpr int64_t kMethodNotFound = -32601;
constexpr int64_t kInvalidParams = -32602;
constexpr int64_t kInternalError = -32603;
constexpr int64_t kServerErrors = -32000;  // less the number of the status code
constexpr int64_t kLastStatusCode = static_cast<int64_t>(absl::StatusCode::kUnauthenticated);

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("json-rpc codec: ", what, ": the peer speaks no JSON-RPC 2.0"));
}
absl::Status NoJson(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("json-rpc codec: ", what, ": it must be JSON text, UTF-8, at most ", kMaxJsonDepth, " deep"));
}

absl::string_view Quoted(absl::string_view token) { return token.substr(1, token.size() - 2); }

// An id's text is kept as it is, so that a reply returns it so; but a number, or a string of one that is beyond kExactNumbers, is
// an integer, if it is written as we write it. Each MsgId has one text, and each text one MsgId;
// null is the empty one.
MsgId IdOfToken(absl::string_view token) {
  if (token == "null") return {};
  const bool quoted = token[0] == '"';
  const absl::string_view digits = quoted ? Quoted(token) : token;
  const bool plain = !digits.empty() && digits.find_first_not_of("0123456789") == absl::string_view::npos &&
                     (digits[0] != '0' || digits.size() == 1);
  uint64_t number = 0;
  if (plain && absl::SimpleAtoi(digits, &number) && quoted == (number >= kExactNumbers)) return MsgId(number);
  return MsgId(token);
}
std::string TokenOfId(const MsgId& id) {
  if (id.empty()) return "null";
  if (id.is_bytes()) return std::string(id.bytes());
  return id.integer() < kExactNumbers ? absl::StrCat(id.integer()) : absl::StrCat("\"", id.integer(), "\"");
}

bool IsId(absl::string_view token) {
  return !token.empty() && token.size() <= kMaxIdBytes && (token == "null" || std::strchr("\"-0123456789", token[0]) != nullptr);
}

// An object's members of meaning, as they are written; a missing one is empty. Borrowed from the text.
struct Envelope {
  absl::string_view version, id, method, params, result, error;
  absl::string_view* Member(absl::string_view key) {
    if (key == "jsonrpc") return &version;
    if (key == "id") return &id;
    if (key == "method") return &method;
    if (key == "params") return &params;
    if (key == "result") return &result;
    return key == "error" ? &error : nullptr;
  }
};

// Nothing while it is not known.
std::optional<MessageKind> KindOf(const Envelope& envelope, bool all_read) {
  if (envelope.id.empty() && !all_read) return std::nullopt;
  if (!envelope.method.empty()) return envelope.id.empty() ? MessageKind::one_way : MessageKind::request;
  if (envelope.id.empty()) return std::nullopt;
  if (!envelope.error.empty()) return MessageKind::error;
  if (!envelope.result.empty()) return MessageKind::reply;
  return std::nullopt;
}

// Reads no further than to what tells id and kind. If `text` is only the beginning, it may not be enough.
absl::StatusOr<MessageHeader> ReadHeader(absl::string_view text, bool whole) {
  Envelope envelope;
  JsonMembers members(text);
  std::optional<MessageKind> kind;
  while (!kind.has_value() && members.Next()) {
    absl::string_view* const member = envelope.Member(members.key());
    if (member == nullptr || !member->empty()) continue;
    // Of a result, that it is there says enough.
    const bool large = member == &envelope.result || member == &envelope.error;
    *member = large && !envelope.id.empty() ? members.key() : members.Value();
    kind = KindOf(envelope, false);
  }
  if (!kind.has_value() && whole && members.complete()) kind = KindOf(envelope, true);
  if (!kind.has_value()) return Malformed("a payload that is neither request, notification nor response");
  MessageHeader header{.kind = *kind};
  if (*kind == MessageKind::one_way) return header;
  if (!IsId(envelope.id)) return Malformed("an id that is neither a string, a number nor null, or has more than 1 KiB");
  header.id = IdOfToken(envelope.id);
  return header;
}

// Reads and checks all of it.
absl::StatusOr<Envelope> ReadAll(absl::string_view text) {
  Envelope envelope;
  JsonMembers members(text);
  while (members.Next()) {
    absl::string_view* const member = envelope.Member(members.key());
    if (member == nullptr) continue;
    if (!member->empty()) return Malformed("an object that has one member twice");
    *member = members.Value();
  }
  if (!members.complete()) return Malformed("a payload that is no JSON object, or one nested too deeply");
  if (envelope.version != "\"2.0\"") return Malformed("an object whose member jsonrpc is not \"2.0\"");
  const int parts = int{!envelope.method.empty()} + int{!envelope.result.empty()} + int{!envelope.error.empty()};
  if (parts != 1) return Malformed("an object with other than one of method, result and error");
  if (!envelope.method.empty() && envelope.method[0] != '"') return Malformed("a method that is no string");
  if (!envelope.params.empty() && envelope.params[0] != '[' && envelope.params[0] != '{') {
    return Malformed("params that are neither an array nor an object");
  }
  if (envelope.method.empty() && envelope.id.empty()) return Malformed("a response without an id");
  if (!envelope.id.empty() && !IsId(envelope.id)) return Malformed("an id that is neither a string, a number nor null");
  return envelope;
}

absl::string_view TextOf(const Payload& payload, std::string& scratch) {
  PayloadCursor cursor(payload);
  return cursor.Read(cursor.left(), scratch);
}

int64_t NumberOf(const absl::Status& error) {
  if (const std::optional<int64_t> own = JsonRpcCodeOf(error)) return *own;
  switch (error.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kInvalidParams;
    case absl::StatusCode::kNotFound:
      return kMethodNotFound;
    case absl::StatusCode::kInternal:
      return kInternalError;
    default:
      return kServerErrors - static_cast<int64_t>(error.code());
  }
}

absl::Status StatusOfNumber(int64_t number, absl::string_view text) {
  switch (number) {
    case kParseError:
    case kInvalidRequest:
    case kInvalidParams:
      return absl::InvalidArgumentError(text);
    case kMethodNotFound:
      return absl::NotFoundError(text);
    case kInternalError:
      return absl::InternalError(text);
    default:
      if (number < kServerErrors && number >= kServerErrors - kLastStatusCode) {
        return absl::Status(static_cast<absl::StatusCode>(kServerErrors - number), text);
      }
      return WithJsonRpcCode(absl::UnknownError(text), number);
  }
}

class JsonRpcCodec final : public MessageCodec<JsonRpcMessage> {
 public:
  const CodecTraits& traits() const override { return traits_; }

  void WriteHeader(const MessageHeader& header, absl::Span<char> first) const override {
    if (header.kind != MessageKind::request) return;
    const std::string token = TokenOfId(header.id);
    char* const at = first.data() + kIdKey.size();
    std::memset(at, ' ', kIdBytes);
    std::memcpy(at, token.data(), std::min(token.size(), kIdBytes));
  }

  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role) const override {
    if (payload.empty()) return Malformed("an empty payload");
    const bool whole = payload.size() == 1;
    absl::StatusOr<MessageHeader> header = ReadHeader(payload.front().view(), whole);
    if (header.ok() || whole) return header;
    std::string scratch;
    return ReadHeader(TextOf(payload, scratch), true);
  }

  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    const std::string detail = DetailOf(error);
    const absl::string_view text = Utf8Prefix(error.message(), kMaxErrorTextBytes);
    if (absl::Status status = BeginReply(header.id, to); !status.ok()) return status;
    to.Append(absl::StrCat("\"error\":{\"code\":", NumberOf(error), ",\"message\":", JsonString(text, true)));
    if (detail.size() <= kMaxErrorDetailBytes && IsJson(detail)) {
      to.Append(absl::string_view(",\"data\":"));
      to.Append(absl::string_view(detail));
    }
    to.Append(absl::string_view("}}"));
    return to.status();
  }

  absl::Status DecodeError(const MessageHeader&, const Payload& payload) const override {
    std::string scratch;
    const absl::StatusOr<Envelope> envelope = ReadAll(TextOf(payload, scratch));
    if (!envelope.ok()) return envelope.status();
    absl::string_view code, text, data;
    JsonMembers members(envelope->error);
    while (members.Next()) {
      absl::string_view* const member = members.key() == "code"      ? &code
                                        : members.key() == "message" ? &text
                                        : members.key() == "data"    ? &data
                                                                     : nullptr;
      if (member != nullptr) *member = members.Value();
    }
    int64_t number = 0;
    if (!members.complete() || !absl::SimpleAtoi(code, &number) || text.empty() || text[0] != '"') {
      return Malformed("an error without an integer for its code or a string for its message");
    }
    return WithDetail(StatusOfNumber(number, Utf8Prefix(FromJsonString(text), kMaxErrorTextBytes)), data);
  }

  absl::Status EncodeMessage(const MessageHeader& header, const JsonRpcMessage& message, PayloadWriter& to) const override {
    if (header.kind == MessageKind::reply) return EncodeReply(header, message, to);
    const std::string method = JsonString(message.method, false);
    if (method.empty()) return NoJson("a method that is no UTF-8");
    if (!message.params.empty()) {
      const size_t first = message.params.find_first_not_of(" \t\r\n");
      if (!IsJson(message.params)) return NoJson("params");
      if (message.params[first] != '[' && message.params[first] != '{') {
        return NoJson("params that are neither an array nor an object");
      }
    }
    if (header.kind == MessageKind::one_way) {
      to.Append(absl::string_view("{"));
    } else {
      if (header.id.is_bytes()) return IdIsNoInteger();
      const absl::Span<char> first = to.Reserve(kHeaderBytes + 1);
      if (first.empty()) return NoRoom(to.status());
      std::memcpy(first.data(), kIdKey.data(), kIdKey.size());
      WriteHeader({.id = header.id}, first);
      first.back() = ',';
      to.Commit(first.size());
    }
    to.Append(absl::StrCat(kVersion, "\"method\":", method));
    if (!message.params.empty()) {
      to.Append(absl::string_view(",\"params\":"));
      to.Append(absl::string_view(message.params));
    }
    to.Append(absl::string_view("}"));
    return to.status();
  }

  absl::StatusOr<JsonRpcMessage> DecodeMessage(const MessageHeader&, Payload&& payload) const override {
    std::string scratch;
    const absl::StatusOr<Envelope> envelope = ReadAll(TextOf(payload, scratch));
    if (!envelope.ok()) return envelope.status();
    if (!envelope->error.empty()) return Malformed("an error, where a message should be");
    absl::StatusOr<JsonRpcMessage> message(absl::in_place);
    message->result = std::string(envelope->result);
    if (!envelope->method.empty()) {
      message->method = FromJsonString(envelope->method);
      message->params = std::string(envelope->params);
    }
    return message;
  }

  MsgId IdOf(const JsonRpcMessage&) const override { return {}; }
  Route RouteOf(const JsonRpcMessage& message) const override { return absl::string_view(message.method); }

 private:
  // What replies and errors begin with.
  static absl::Status BeginReply(const MsgId& id, PayloadWriter& to) {
    if (id.is_bytes() && !(IsId(id.bytes()) && IsJson(id.bytes()))) return NoJson("an id that is bytes");
    to.Append(absl::StrCat(kIdKey, TokenOfId(id), ",", kVersion));
    return to.status();
  }

  static absl::Status EncodeReply(const MessageHeader& header, const JsonRpcMessage& message, PayloadWriter& to) {
    if (!message.result.empty() && !IsJson(message.result)) return NoJson("a result");
    if (absl::Status status = BeginReply(header.id, to); !status.ok()) return status;
    to.Append(absl::string_view("\"result\":"));
    to.Append(message.result.empty() ? absl::string_view("null") : absl::string_view(message.result));
    to.Append(absl::string_view("}"));
    return to.status();
  }

  const CodecTraits traits_{
      .ids = IdPolicy::assigned,
      .kinds = Bit(MessageKind::request) | Bit(MessageKind::reply) | Bit(MessageKind::error) | Bit(MessageKind::one_way),
      .header_bytes = kHeaderBytes,
      .payload_alignment = 1};
};

}  // namespace

std::shared_ptr<const MessageCodec<JsonRpcMessage>> NewJsonRpcCodec() { return std::make_shared<JsonRpcCodec>(); }

absl::Status WithJsonRpcCode(absl::Status status, int64_t code) {
  if (!status.ok()) status.SetPayload(kCodeUrl, absl::Cord(absl::StrCat(code)));
  return status;
}

std::optional<int64_t> JsonRpcCodeOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kCodeUrl);
  int64_t code = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &code)) return std::nullopt;
  return code;
}

}  // namespace rain
