// The message codec suite's subject for codecs of Message, the native ones or a user's own.
#pragma once

#include <memory>

#include "listenrain/codecs/message.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/testing/message_codec_suite.h"

namespace rain {

// Samples with every field of Message empty and filled; flags, remaining time and an error's detail are expected to travel.
MessageCodecSubject NewMessageSubject(std::shared_ptr<const MessageCodec<Message>> codec);

}  // namespace rain
