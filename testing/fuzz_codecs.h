// What fuzzing holds codecs to, beside not to crash: ours, and users' own. Each function aborts if the codec contradicts itself.
#pragma once

#include "absl/strings/string_view.h"
#include "listenrain/codecs/message.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/framework/packet_codec.h"

namespace rain {

// Cuts `stream` as a reader would: what is said of a packet must not depend on how many bytes came at a time, and a whole
// packet's payload, framed again, must give the same bytes.
void FuzzPacketCodec(const PacketCodec& codec, absl::string_view stream);

// Decodes `bytes` as a message and as an error: one piece or two make no difference, and a message that is decoded can be encoded
// and decoded again to the same.
void FuzzMessageCodec(const MessageCodec<Message>& codec, absl::string_view bytes);

}  // namespace rain
