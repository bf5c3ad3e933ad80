// SayHi: a greeting, and how it is written: a protocol of one's own in one class.
#pragma once

#include <memory>
#include <string>

#include "listenrain/framework/message_codec.h"

namespace sayhi {

// In a request the name of who greets, in a reply the greeting. A reply gets its request's id by itself.
struct SayHi {
  std::string id;  // the msgID: any bytes, different for each request in flight
  std::string name;
};

// The wire of the original Go program sayhi, which can speak to either side (it reads names of up to 1023 bytes). Integers have
// 4 bytes, big-endian:
//
//   payload:  header length | command | msgID | name length | name
//
// The header's length is that of command and msgID. The command is 0 in a request, 1 in a reply; there are no error replies. The
// default packet codec puts the payload's length in front.
std::shared_ptr<const rain::MessageCodec<SayHi>> NewSayHiCodec();

}  // namespace sayhi
