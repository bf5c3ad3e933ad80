// Servers that are killed, again and again, under callers that do not stop.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/repeaters_test.h"
#include "listenrain/testing/faults/server_process_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(3);
constexpr absl::Duration kLate = absl::Seconds(2);  // for a machine that is busy

// Threads that ask and wait, one call after another, until they are told to stop.
class Callers {
 public:
  Callers(Side& client, const TransportKey& key, int count, const SendOptions& options)
      : threads_(count, [this, &client, key, options] {
          const absl::Time begun = absl::Now();
          Count(client.rain().SyncSend(client.protocol(), key, Message::Text("?"), options), absl::Now() - begun);
        }) {}
  void Stop() { threads_.Stop(); }

  uint64_t replied() const { return replied_; }
  uint64_t failed() const { return failed_; }
  // Ended well after their deadline.
  uint64_t late() const { return late_; }

 private:
  void Count(const absl::StatusOr<Message>& reply, absl::Duration took) {
    ++(reply.ok() ? replied_ : failed_);
    if (took > kTimeout + kLate) ++late_;
    if (!reply.ok()) std::this_thread::yield();  // while the server is down calls may fail at once
  }

  std::atomic<uint64_t> replied_{0};
  std::atomic<uint64_t> failed_{0};
  std::atomic<uint64_t> late_{0};
  Repeaters threads_;
};

const int kKills = static_cast<int>(Scaled(4, 3, 30));
const auto kLife = std::chrono::milliseconds(Scaled(300, 300, 2000));

class KillFaults : public EveryTransport {};

TEST_P(KillFaults, EveryCallEndsByItsDeadline) {
  auto server = std::make_unique<ServerProcess>(FreshKey());
  const TransportKey key = server->key();
  Side& client = NewSide();
  const TransportKey soon = absl::StrCat(key.text(), "?backoff=20&backoff_max=200");
  Callers patient(client, soon, 8, {.timeout = kTimeout, .idempotent = true, .wait_for_ready = true});
  Callers hasty(client, soon, 8, {.timeout = kTimeout});
  for (int kill = 0; kill < kKills; ++kill) {
    const uint64_t before = patient.replied();
    ASSERT_TRUE(Eventually([&] { return patient.replied() > before; })) << "nobody comes back: " << client.Describe();
    EXPECT_TRUE(server->Serve(kLife));
    server->Kill();
    server = std::make_unique<ServerProcess>(key);
  }
  patient.Stop();
  hasty.Stop();
  client.Await([](const Stats& stats) { return stats.in_flight == 0; });
  const Stats stats = client.stats();
  EXPECT_TRUE(stats.Balanced()) << client.Describe();
  EXPECT_EQ(patient.late() + hasty.late(), 0u);
  EXPECT_EQ(patient.replied() + hasty.replied(), stats.replied);
  EXPECT_GE(stats.channels_opened, static_cast<uint64_t>(kKills));
  std::printf("%d kills: %lu replies, %lu of %lu calls that wait and %lu of the others failed\n", kKills, stats.replied,
              patient.failed(), patient.failed() + patient.replied(), hasty.failed());
}

TEST_P(KillFaults, OfTwoEndpointsOneIsEnough) {
  std::unique_ptr<ServerProcess> servers[] = {std::make_unique<ServerProcess>(FreshKey()),
                                              std::make_unique<ServerProcess>(FreshKey())};
  const TransportKey both = absl::StrCat(servers[0]->key().text(), ",", servers[1]->key().text());
  Side& client = NewSide();
  Callers callers(client, both, 16, {.timeout = kTimeout, .idempotent = true});
  for (int kill = 0; kill < kKills; ++kill) {
    const uint64_t before = callers.replied();
    ASSERT_TRUE(Eventually([&] { return callers.replied() > before; })) << "nobody comes back: " << client.Describe();
    auto& server = servers[kill % 2];
    EXPECT_TRUE(server->Serve(kLife));
    const TransportKey key = server->key();
    server->Kill();
    server = std::make_unique<ServerProcess>(key);
  }
  callers.Stop();
  EXPECT_EQ(callers.late(), 0u);
  EXPECT_LE(callers.failed() * 100, callers.failed() + callers.replied()) << client.Describe();
  std::printf("%d kills: %lu of %lu calls failed\n", kKills, callers.failed(), callers.failed() + callers.replied());
}

INSTANTIATE_TEST_SUITE_P(On, KillFaults, testing::Values("tcp", "unix"), NameOf);

}  // namespace
}  // namespace rain
