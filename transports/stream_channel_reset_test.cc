// A peer that goes away, in every state of the channel.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "listenrain/transports/stream_channel.h"
#include "listenrain/transports/stream_channel_fixture_test.h"

namespace rain {
namespace {

using StreamChannelReset = StreamChannelTest;

TEST_F(StreamChannelReset, WhatArrivedBeforeThePeerWentAwayIsDeliveredAlthoughAWriteFails) {
  channel_->Start(*loop_, events_);
  PeerSends("last words");
  peer_.reset();
  Write("too late");  // EPIPE, and no SIGPIPE
  EXPECT_EQ(channel_->bytes_taken(), 0u);
  EXPECT_EQ(channel_->pending_bytes(), 8u);
  Write("!");
  EXPECT_EQ(channel_->pending_bytes(), 9u);
  EXPECT_FALSE(events_.closed.has_value());
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.bytes, "last words");
  EXPECT_EQ(events_.closed->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(events_.ends, 0) << "this is no proper end";
  EXPECT_EQ(channel_->pending_bytes(), 0u);
}

TEST_F(StreamChannelReset, ThatHoldsWhileReadingIsPausedToo) {
  channel_->Start(*loop_, events_);
  channel_->SetReading(false);
  PeerSends("last words");
  peer_.reset();
  Write("too late");
  EXPECT_LE(loop_.TurnsWhileIdle(), 5);
  EXPECT_EQ(events_.bytes, "");
  EXPECT_FALSE(events_.closed.has_value());
  channel_->SetReading(true);
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.bytes, "last words");
  EXPECT_EQ(events_.closed->code(), absl::StatusCode::kUnavailable);
}

TEST_F(StreamChannelReset, AResetWhileReadingIsPausedNeitherSpinsNorIsLost) {
  UseTcp();
  channel_->Start(*loop_, events_);
  channel_->SetReading(false);
  PeerResets();
  EXPECT_LE(loop_.TurnsWhileIdle(), 5);
  EXPECT_FALSE(events_.closed.has_value());
  channel_->SetReading(true);
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.closed->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(events_.ends, 0);
}

TEST_F(StreamChannelReset, AResetWhileWritesPendIsTold) {
  UseTcp();
  channel_->Start(*loop_, events_);
  channel_->SetReading(false);
  Fill();
  PeerResets();
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.closed->code(), absl::StatusCode::kUnavailable);
}

TEST_F(StreamChannelReset, BytesThatArrivedBeforeAResetAreReadFirst) {
  UseTcp();
  channel_->Start(*loop_, events_);
  events_.read_buffer_bytes = 3;  // several reads
  PeerSends("before the reset");
  loop_.RunUntil([&] { return !events_.bytes.empty(); });
  PeerResets();
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.bytes, "before the reset");
  EXPECT_EQ(events_.closed->code(), absl::StatusCode::kUnavailable);
}

TEST_F(StreamChannelReset, APeerThatWillNotReadButStillSendsIsHeardUntilNothingIsLeft) {
  channel_->Start(*loop_, events_);
  PeerSends("heard");
  ASSERT_EQ(shutdown(peer_.get(), SHUT_RD), 0);
  Write("unheard");
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.bytes, "heard");
  EXPECT_EQ(events_.closed->code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace rain
