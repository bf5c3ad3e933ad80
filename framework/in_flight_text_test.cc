// What people read of an InFlightReport.
#include <string>

#include "gtest/gtest.h"
#include "listenrain/framework/in_flight.h"

namespace rain {
namespace {

TEST(InFlightText, ALineForEachTransportAndEachCall) {
  TransportInFlight dialed;
  dialed.protocol = "echo";
  dialed.key = TransportKey("tcp://127.0.0.1:80");
  dialed.state = LinkState::connecting;
  dialed.requests = 4;
  dialed.queued_packets = 1;
  dialed.queued_bytes = 18;
  dialed.calls = {
      {MsgId(7u), CallStage::awaiting, absl::Milliseconds(1500), absl::Milliseconds(500), 18},
      {MsgId(absl::string_view("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef")), CallStage::writing,
       absl::Seconds(1), absl::InfiniteDuration(), 1},
      {MsgId(), CallStage::queued, absl::ZeroDuration(), absl::ZeroDuration(), 0},
  };
  TransportInFlight accepted;
  accepted.protocol = "echo";
  accepted.key = TransportKey("unix:///run/x.sock");
  accepted.role = Role::acceptor;
  accepted.state = LinkState::connected;
  accepted.peer.address = "unix:///run/y.sock";
  accepted.peer_requests = 2;
  accepted.pending_bytes = 1;
  accepted.calls = {
      {MsgId("123e4567-e89b-12d3-a456-426614174000"), CallStage::dispatched, absl::Seconds(1), -absl::Milliseconds(20), 18},
      {MsgId("a"), CallStage::replying, absl::Seconds(1), absl::InfiniteDuration(), 2},
  };
  EXPECT_EQ(ToString(InFlightReport{{dialed, accepted}, 0}),
            "protocol \"echo\" to tcp://127.0.0.1:80, connecting: 4 requests, 0 of the peer's, 1 packet and 18 bytes queued, "
            "0 bytes not taken by the channel\n"
            "  awaiting for 1.5s, 500ms left, 18 bytes, msgID 7\n"
            "  writing for 1s, 1 byte, msgID 01234567-89ab-cdef-0123-456789abcdef\n"
            "  queued for 0, 0 left, 0 bytes, msgID none\n"
            "  and 1 younger\n"
            "protocol \"echo\" at unix:///run/x.sock, connected, peer unix:///run/y.sock: 0 requests, 2 of the peer's, "
            "0 packets and 0 bytes queued, 1 byte not taken by the channel\n"
            "  dispatched for 1s, overdue by 20ms, 18 bytes, msgID 123e4567-e89b-12d3-a456-426614174000\n"
            "  replying for 1s, 2 bytes, msgID a\n");
}

TEST(InFlightText, SaysSoWhereThereIsNothingOrALoopIsSilent) {
  EXPECT_EQ(ToString(InFlightReport()), "nothing is in flight\n");
  EXPECT_EQ(ToString(InFlightReport{{}, 2}),
            "nothing is in flight, on the other loops\n"
            "2 loops did not answer in time: something blocks there\n");
}

}  // namespace
}  // namespace rain
