// A message as its payload, for tests of message codecs.
#pragma once

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "listenrain/framework/message_codec.h"

namespace rain {

template <class M>
absl::StatusOr<Payload> Encoded(const MessageCodec<M>& codec, const MessageHeader& header, const M& message) {
  const auto pool = NewBufferPool();
  PooledWriter writer(*pool, 64 << 20);
  EXPECT_TRUE(writer.Begin().ok());
  if (absl::Status status = codec.EncodeMessage(header, message, writer); !status.ok()) return status;
  return writer.Take();
}

}  // namespace rain
