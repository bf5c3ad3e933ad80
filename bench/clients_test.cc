#include "listenrain/bench/clients.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace rain::bench {
namespace {

TEST(Client, TellsItsFiguresFromItsOwnProcess) {
  const pid_t here = ::getpid();
  absl::StatusOr<Client> client = Client::Start([&]() -> absl::StatusOr<Figures> {
    Figures figures;
    figures.calls = ::getpid() == here ? 1 : 2;
    figures.p99_us = 3.5;
    return figures;
  });
  ASSERT_TRUE(client.ok()) << client.status();
  const absl::StatusOr<Figures> figures = client->Finish();
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_EQ(figures->calls, 2u);
  EXPECT_EQ(figures->p99_us, 3.5);
}

TEST(Client, TellsWhyItHasNone) {
  absl::StatusOr<Client> client = Client::Start([]() -> absl::StatusOr<Figures> { return absl::OutOfRangeError("too far"); });
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(client->Finish().status(), absl::OutOfRangeError("too far"));
}

TEST(Client, ThatEndsWithoutAWordIsAnError) {
  absl::StatusOr<Client> client = Client::Start([]() -> absl::StatusOr<Figures> { ::_exit(0); });
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(client->Finish().status().code(), absl::StatusCode::kDataLoss);
}

TEST(Together, SpeedsAreAddedAndTheWorstLatencyIsTold) {
  Figures fast, slow;
  fast.calls = 300, slow.calls = 100;
  fast.seconds = slow.seconds = 2;
  fast.calls_per_second = 150, slow.calls_per_second = 50;
  fast.p50_us = 1, slow.p50_us = 4;
  fast.p99_us = 2, slow.p99_us = 3;
  fast.p999_us = 9, slow.p999_us = 8;
  fast.client_cpu_us_per_call = 1, slow.client_cpu_us_per_call = 3;
  // The server used 600 us a second, as both saw.
  fast.server_cpu_us_per_call = 4, slow.server_cpu_us_per_call = 12;
  fast.client_rss_mib = 10, slow.client_rss_mib = 5;
  fast.server_rss_mib = slow.server_rss_mib = 7;
  const Figures all = Together({fast, slow});
  EXPECT_EQ(all.calls, 400u);
  EXPECT_EQ(all.clients, 2u);
  EXPECT_EQ(all.seconds, 2);
  EXPECT_EQ(all.calls_per_second, 200);
  EXPECT_EQ(all.p50_us, 4);
  EXPECT_EQ(all.p99_us, 3);
  EXPECT_EQ(all.p999_us, 9);
  EXPECT_DOUBLE_EQ(all.client_cpu_us_per_call, 1.5);
  EXPECT_DOUBLE_EQ(all.server_cpu_us_per_call, 3);
  EXPECT_EQ(all.client_rss_mib, 10);
  EXPECT_EQ(all.server_rss_mib, 7);
}

}  // namespace
}  // namespace rain::bench
