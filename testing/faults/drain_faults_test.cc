// Draining under load: what the server had read is answered, and the callers learn what became of the rest.
#include <atomic>
#include <thread>

#include "listenrain/framework/handover.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/repeaters_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

class DrainFaults : public EveryTransport {};

// Callers that block, one after another, until they are told to stop.
class Callers {
 public:
  Callers(Side& client, const TransportKey& key, int count)
      : threads_(count, [this, transport = client.Open(key)] { Count(transport.SyncSend(Message::Text("?"))); }) {}
  int replied() const { return replied_; }
  // Sent whole, and then nothing came back.
  int lost() const { return lost_; }

 private:
  void Count(const absl::StatusOr<Message>& reply) {
    if (reply.ok()) {
      ++replied_;
    } else if (OriginOf(reply.status()) == Origin::local && BytesSentOf(reply.status()) != BytesSent::none) {
      ++lost_;
    }
  }

  std::atomic<int> replied_{0};
  std::atomic<int> lost_{0};
  Repeaters threads_;
};

TEST_P(DrainFaults, UnderLoadNothingThatTheServerHadReadIsLost) {
  const int64_t rounds = Scaled(4, 2, 50);
  for (int64_t round = 0; round < rounds; ++round) {
    Side& server = NewSide();
    Side& client = NewSide();
    Listener listener = server.Listen(FreshKey(), Echo());
    Callers callers(client, listener.bound_key(), 4);
    client.Await([](const Stats& stats) { return stats.replied >= 200; });
    const DrainReport report = listener.Drain(absl::Seconds(10));
    EXPECT_EQ(report.aborted, 0u);
    EXPECT_EQ(callers.lost(), 0) << "round " << round;
    const Stats stats = server.stats();
    EXPECT_EQ(stats.requests_received, stats.replies_sent);
  }
}

TEST_P(DrainFaults, AWholeListenRainIsDrainedFromAHandlersThread) {
  Side& server = NewSide();
  Side& client = NewSide();
  Handover<std::thread> drainer;
  Listener listener = server.Listen(FreshKey(), Handling([&](Message message, CallContext, Responder<Message> responder) {
                                      drainer.Put(std::thread([&, r = std::move(responder), m = std::move(message)]() mutable {
                                        EXPECT_TRUE(r.Reply(m).ok());
                                        server.rain().Drain(absl::Seconds(10));
                                      }));
                                    }));
  EXPECT_TRUE(client.Open(listener.bound_key()).SyncSend(Message::Text("?")).ok());
  drainer.Take().join();
  EXPECT_TRUE(absl::IsCancelled(server.rain().Listen(server.protocol(), FreshKey(), Echo()).status()));
}

RAIN_ON_EVERY_TRANSPORT(DrainFaults);

}  // namespace
}  // namespace rain
