// Connections without traffic cost no work: loops that look for input before they sleep do so only while there is some. A program
// of its own: it counts what all its threads do.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/faults/descriptors_test.h"
#include "listenrain/testing/faults/sanitizers_test.h"

namespace rain {
namespace {

constexpr int kConnections = 1000;
constexpr rlim_t kDescriptors = 2 * kConnections + 100;
constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr std::chrono::seconds kSettling(7);  // calls' timers end, and tables are given back: nothing tells of either
constexpr std::chrono::seconds kWhile(10);
constexpr std::chrono::milliseconds kTick(10);
constexpr int64_t kSwitches = 20;

// What the process has done since it began.
struct Work {
  static Work Now() {
    rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) ADD_FAILURE() << "getrusage failed";
    const auto time_of = [](const timeval& time) {
      return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return {time_of(usage.ru_utime) + time_of(usage.ru_stime), usage.ru_nvcsw + usage.ru_nivcsw};
  }
  Work Since(const Work& before) const { return {processor - before.processor, switches - before.switches}; }

  std::chrono::microseconds processor;
  int64_t switches;  // from one thread to another: at least one each time that a thread wakes
};

// What the process does while this thread waits for nothing.
Work During(std::chrono::seconds wait) {
  Mutex mutex;
  CondVar never;
  const auto end = std::chrono::steady_clock::now() + wait;
  const Work before = Work::Now();
  MutexLock lock(mutex);
  while (std::chrono::steady_clock::now() < end) never.WaitUntil(mutex, end);
  return Work::Now().Since(before);
}

struct Program {
  std::unique_ptr<ListenRain> rain = *NewListenRain();
  Protocol<Message> protocol = *RegisterMessages(*rain);
};

TEST(Idle, AThousandSilentConnectionsTakeNoTickAndWakeNobody) {
  if (RAIN_UNDER_SANITIZER) GTEST_SKIP() << "sanitizers have threads of their own";
  if (!MayOpen(kDescriptors)) GTEST_SKIP() << "needs " << kDescriptors << " descriptors: raise the hard limit (ulimit -Hn)";
  Program server;
  Router<Message> echo;
  echo.Otherwise([](Message message, CallContext, Responder<Message> responder) { EXPECT_TRUE(responder.Reply(message).ok()); });
  const auto listener = server.rain->Listen(server.protocol, "tcp://127.0.0.1:0", std::move(echo));
  ASSERT_TRUE(listener.ok()) << listener.status();
  Program client;
  std::vector<TransportHandle<Message>> connections;
  for (int i = 0; i < kConnections; ++i) {
    // Keys that differ, be it in an option that does not matter here, lead to connections of their own.
    const TransportKey key(absl::StrCat(listener->bound_key().text(), "?backoff_max=", 10'000 + i));
    connections.push_back(*client.rain->Open(client.protocol, key));
    const auto reply = connections.back().SyncSend(Message::Text("?"), {.timeout = kTimeout});
    ASSERT_TRUE(reply.ok()) << reply.status();
  }
  const Stats stats = client.rain->StatsOf(client.protocol);
  ASSERT_EQ(stats.channels_opened - stats.channels_closed, kConnections);

  During(kSettling);
  const Work work = During(kWhile);
  EXPECT_LT(work.processor.count(), std::chrono::microseconds(kTick).count());
  EXPECT_LE(work.switches, kSwitches);
  RecordProperty("processor_us", static_cast<int>(work.processor.count()));
  RecordProperty("switches", static_cast<int>(work.switches));
}

}  // namespace
}  // namespace rain
