// The compact message codec: Message on the wire with a fixed header of 24 bytes (WIRE.md).
#pragma once

#include <memory>

#include "listenrain/codecs/message.h"
#include "listenrain/framework/message_codec.h"

namespace rain {

// Ids are assigned; all kinds but the reserved ones. Bodies are never copied by decoding, nor, from 16 KiB on, by encoding.
// Command, metadata and an error's status have up to 65535 bytes each: more is INVALID_ARGUMENT when encoded.
// Of MessageHeader::flags the upper eight bits travel.
std::shared_ptr<const MessageCodec<Message>> NewCompactCodec();

}  // namespace rain
