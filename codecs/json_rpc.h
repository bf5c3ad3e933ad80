// The JSON-RPC message codec: JSON-RPC 2.0, one object a packet, with any peer that speaks it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "listenrain/framework/message_codec.h"

namespace rain {

// JSON travels as text, to be read and written with whichever library the program has. Requests and notifications have a method,
// and params or none; replies have a result. Neither is in the other.
struct JsonRpcMessage {
  std::string method{};  // UTF-8
  std::string params{};  // JSON: an array or an object. Empty: none
  std::string result{};  // JSON: any value. Empty: null
};

// Ids are assigned. Ours are numbers below 2^53, which every peer can say, else strings; a peer's may be any number, string or
// null. Kinds are request, reply, error and one-way, which is JSON-RPC's notification. Routes by method. Remaining time does not
// travel. Texts are checked both ways, strictly (codecs/json_text.h): JSON that is none, is nested more than 128 deep or holds
// invalid UTF-8 is INVALID_ARGUMENT; so are batches. Numbers may have any size: they stay text. The wire is in WIRE.md. Of a
// message that begins with its id, as ours do, the loop reads no more than the beginning; of another, all up to its id. It frames
// nothing: use the length prefix or, if no text holds a line feed, the delimiter.
std::shared_ptr<const MessageCodec<JsonRpcMessage>> NewJsonRpcCodec();

// An error's detail (WithDetail) travels as its data if it is JSON, and is left out if not. A number of the program's own may go
// with it; without, status codes have the numbers that WIRE.md lists.
absl::Status WithJsonRpcCode(absl::Status status, int64_t code);
// The number that came with an error reply, if no status code has it: the status is UNKNOWN then.
std::optional<int64_t> JsonRpcCodeOf(const absl::Status& status);

}  // namespace rain
