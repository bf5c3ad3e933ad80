// Many clients lose their server at once, and come back without a storm.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/testing/faults/descriptors_test.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/server_process_test.h"
#include "listenrain/testing/forwarding_channel.h"
#include "listenrain/testing/scale.h"
#include "listenrain/transports/tcp.h"
#include "listenrain/transports/unix.h"

namespace rain {
namespace {

// When clients tried to connect, and when they succeeded. Thread: any.
class Diary {
 public:
  void Tried() {
    MutexLock lock(mutex_);
    tried_.push_back(absl::Now());
  }
  void Connected() {
    MutexLock lock(mutex_);
    connected_.push_back(absl::Now());
  }
  void Clear() {
    MutexLock lock(mutex_);
    tried_.clear();
    connected_.clear();
  }
  // Within any so long.
  size_t MostTried(absl::Duration window) const {
    MutexLock lock(mutex_);
    return Most(tried_, window);
  }
  size_t MostConnected(absl::Duration window) const {
    MutexLock lock(mutex_);
    return Most(connected_, window);
  }
  size_t connected() const {
    MutexLock lock(mutex_);
    return connected_.size();
  }

 private:
  static size_t Most(const std::vector<absl::Time>& times, absl::Duration window) {
    size_t most = 0;
    auto first = times.begin();
    for (auto last = times.begin(); last != times.end(); ++last) {
      while (*last - *first >= window) ++first;
      most = std::max(most, static_cast<size_t>(last - first) + 1);
    }
    return most;
  }

  mutable Mutex mutex_;
  std::vector<absl::Time> tried_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Time> connected_ ABSL_GUARDED_BY(mutex_);
};

// A dialer that keeps a diary.
class NotingDialer final : public ForwardingGenerator {
 public:
  NotingDialer(std::unique_ptr<ChannelGenerator> dialer, std::shared_ptr<Diary> diary)
      : ForwardingGenerator(std::move(dialer)), diary_(std::move(diary)) {}
  void Next(Loop& loop, Done done) override {
    diary_->Tried();
    inner->Next(loop, [diary = diary_, done = std::move(done)](absl::StatusOr<std::unique_ptr<Channel>> channel) mutable {
      if (channel.ok()) diary->Connected();
      std::move(done)(std::move(channel));
    });
  }

 private:
  const std::shared_ptr<Diary> diary_;
};

// For a side that dials only.
TransportScheme Noting(const TransportScheme& scheme, const std::shared_ptr<Diary>& diary) {
  return WrapScheme(scheme, [diary](std::unique_ptr<ChannelGenerator> dialer) {
    return std::make_unique<NotingDialer>(std::move(dialer), diary);
  });
}

class StormFaults : public EveryTransport {};

TEST_P(StormFaults, AServersClientsComeBackOneByOne) {
  const size_t clients = static_cast<size_t>(Scaled(200, 200, 1000));
  if (!MayOpen(clients + 100)) GTEST_SKIP() << "needs " << clients + 100 << " descriptors: raise the hard limit (ulimit -Hn)";
  const auto diary = std::make_shared<Diary>();
  auto server = std::make_unique<ServerProcess>(FreshKey());
  const TransportKey key = server->key();
  // They take pushes, and so come back whether or not they have something to ask.
  Side client({.router = Echo(), .schemes = {Noting(NewTcpScheme(), diary), Noting(NewUnixScheme(), diary)}});
  Outcomes outcomes;
  for (size_t i = 0; i < clients; ++i) {  // each key has a transport of its own
    const std::string own = absl::StrCat(key.text(), "?backoff_max=", 10000 + i);
    EXPECT_TRUE(outcomes.Ask(client.Open(own), Message::Text("?"), {.wait_for_ready = true}).ok());
  }
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), static_cast<int>(clients)) << outcomes.last();

  constexpr absl::Duration kWindow = absl::Milliseconds(100);
  const double bound = 1.5 * static_cast<double>(clients) * absl::FDivDuration(kWindow, BackoffOptions().first);
  size_t most = clients;
  for (int round = 0; round < 3 && static_cast<double>(most) > bound; ++round) {  // a machine that halts bunches what comes after
    diary->Clear();
    server->Kill();
    server = std::make_unique<ServerProcess>(key);
    ASSERT_TRUE(Eventually(client.loop(), [&] { return diary->connected() == clients; })) << client.Describe();
    most = diary->MostConnected(kWindow);
    std::printf("%zu clients come back: at most %zu connect within 100 ms, %.0f may; with refused attempts %zu\n", clients, most,
                bound, diary->MostTried(kWindow));
  }
  EXPECT_LE(static_cast<double>(most), bound);
  client.ExpectAtRest();
}

INSTANTIATE_TEST_SUITE_P(On, StormFaults, testing::Values("tcp", "unix"), NameOf);

}  // namespace
}  // namespace rain
