// A protocol whose messages carry their ids: a UUID and a text. A small example of such codecs, and what tests of carried ids
// run on. Its payloads go in any packet codec.
#pragma once

#include <memory>
#include <string>

#include "listenrain/framework/message_codec.h"

namespace rain {

// `id` is the UUID in the codec's form. In a reply it may be left empty: it gets the request's.
struct UuidMessage {
  std::string id;
  std::string text;
};

// Of one width within a protocol: 16 bytes, or 36 characters such as 123e4567-e89b-12d3-a456-426614174000. What they are made of
// is not looked at.
enum class UuidForm { binary, text };

// Payload: kind (1 byte), id (16 or 36), then the text; in an error reply the status code (1 byte) and the text. The kinds are
// request, reply and error. One handler: messages have no route.
std::shared_ptr<const MessageCodec<UuidMessage>> NewUuidCodec(UuidForm form);

}  // namespace rain
