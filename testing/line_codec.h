// A pipelined text protocol: one line a message, no ids, no kinds. A small example of such codecs, and what tests of replies in
// order run on.
#pragma once

#include <memory>
#include <string>

#include "listenrain/framework/message_codec.h"
#include "listenrain/framework/packet_codec.h"

namespace rain {

// Packets end in '\n', which is not of the payload; a payload that holds one is refused.
std::shared_ptr<const PacketCodec> NewLinePacketCodec();

// The message is the line. Requests are what acceptors read, replies what dialers read; there is no error reply. Routes by the
// command: what stands before the first space.
std::shared_ptr<const MessageCodec<std::string>> NewLineCodec();

}  // namespace rain
