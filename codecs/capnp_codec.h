// The Cap'n Proto message codec: Message with an envelope that any Cap'n Proto implementation can read (WIRE.md).
#pragma once

#include <memory>

#include "listenrain/codecs/message.h"
#include "listenrain/framework/message_codec.h"

namespace rain {

// Ids are assigned; all kinds but the reserved ones. The schema is capnp_message.capnp. Bodies are never copied by decoding,
// nor, from 16 KiB on, by encoding. An envelope has at most 256 KiB: more is INVALID_ARGUMENT, either way.
// Of MessageHeader::flags the upper eight bits travel.
std::shared_ptr<const MessageCodec<Message>> NewCapnpCodec();

}  // namespace rain
