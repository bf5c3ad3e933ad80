// Much traffic: both ways at once through small bounds, many sizes, many connections.
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <functional>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/sanitizers_test.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

class Flood : public EveryTransport {};

// Keeps `parallel` requests under way until `count` have been asked. Their replies must equal what was sent. Thread: any.
class Flooder {
 public:
  using Next = std::function<Message(int index)>;
  // As often as it is asked, on one thread at a time.
  Flooder(TransportHandle<Message> transport, int count, int parallel, Next next)
      : transport_(std::move(transport)), count_(count), next_(std::move(next)) {
    for (int i = 0; i < std::min(count, parallel); ++i) AskOne();
  }
  void Wait() { ended_.Wait(count_); }
  int replied() const {
    MutexLock lock(mutex_);
    return replied_;
  }
  std::string first_failure() const {
    MutexLock lock(mutex_);
    return first_failure_;
  }

 private:
  void AskOne() {
    for (int index; (index = asked_.fetch_add(1)) < count_;) {
      Message message = next_(index);
      const absl::Status status =
          TransportHandle<Message>(transport_)
              .Send(message, Callback<Message>([this, sent = Share(message.body)](absl::StatusOr<Message> reply) {
                      Note(!reply.ok()                       ? reply.status()
                           : ToString(sent) == reply->text() ? absl::OkStatus()
                                                             : absl::DataLossError("differs"));
                      AskOne();
                      ended_.Raise();
                    }));
      if (status.ok()) return;
      Note(status);
      ended_.Raise();
    }
  }
  void Note(const absl::Status& outcome) {
    MutexLock lock(mutex_);
    if (outcome.ok()) {
      ++replied_;
    } else if (first_failure_.empty()) {
      first_failure_ = outcome.ToString();
    }
  }

  const TransportHandle<Message> transport_;
  const int count_;
  const Next next_;
  std::atomic<int> asked_{0};
  Signal ended_;
  mutable Mutex mutex_;
  int replied_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string first_failure_ ABSL_GUARDED_BY(mutex_);
};

Side::Options SmallBounds(bool in_line) {
  Side::Options options;
  options.limits.window_requests = 4;
  options.limits.max_queued_packets = 64;
  options.limits.max_queued_bytes = 8 << 20;
  options.limits.window_bytes = 1 << 20;
  options.router = Echo();
  if (in_line) options.executor = NewInlineExecutor();
  return options;
}

TEST_P(Flood, BothSidesAskThroughSmallBoundsWithoutDeadlock) {
  const int count = static_cast<int>(Scaled(2000, 2000, 100'000));
  for (const bool in_line : {false, true}) {
    Side& dialing = NewSide(SmallBounds(in_line));
    Side& listening = NewSide(SmallBounds(in_line));
    // The first request tells the listening side which transport to ask back on.
    Mutex mutex;
    Ref<PostBox> back;
    Listener listener =
        listening.Listen(FreshKey(), Handling([&](Message message, CallContext context, Responder<Message> responder) {
                           {
                             MutexLock lock(mutex);
                             if (!back) back = context.connection().box();
                           }
                           EXPECT_TRUE(responder.Reply(message).ok());
                         }));
    auto there = dialing.Open(listener.bound_key());
    ASSERT_TRUE(there.SyncSend(Message::Text("hello")).ok());
    // Requests of 100 KiB: a few of them fill the buffers of every kind of channel.
    const auto message = [](int index) { return Message::Text(std::string(index % 3 == 0 ? 100 << 10 : 100, 'x')); };
    {
      Ref<PostBox> box;
      {
        MutexLock lock(mutex);
        box = std::move(back);
      }
      Flooder forth(there, count, 60, message);
      Flooder answers(TransportHandle<Message>(listening.protocol(), std::move(box)), count, 60, message);
      forth.Wait();
      answers.Wait();
      EXPECT_EQ(forth.replied(), count) << forth.first_failure();
      EXPECT_EQ(answers.replied(), count) << answers.first_failure();
    }
    EXPECT_EQ(listening.stats().requests_refused, 0u);
    EXPECT_EQ(dialing.stats().requests_refused, 0u);
    EXPECT_EQ(listening.stats().started, static_cast<uint64_t>(count));
  }
}

TEST_P(Flood, ASinglePairOfSidesWithAWindowOfOneStillMoves) {
  Side::Options options;
  options.limits.window_requests = 1;
  options.limits.window_bytes = 1;
  Side& client = NewSide(std::move(options));
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  Flooder flood(client.Open(listener.bound_key()), 500, 50, [](int) { return Message::Text("larger than the window"); });
  flood.Wait();
  EXPECT_EQ(flood.replied(), 500) << flood.first_failure();
}

// Sizes 0 and 1 B to 1 MiB, log-uniform; contents that differ from one message to the next.
TEST_P(Flood, VolumeOfAllSizesArrivesUnchanged) {
  const int count = static_cast<int>(Scaled(20'000, 100'000, 1'000'000));
  std::string noise(2 << 20, '\0');
  uint64_t state = 0x9e3779b97f4a7c15;
  for (char& byte : noise) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  const Buffer block = Buffer::Adopt(std::move(noise));
  Side& server = NewSide();
  Side& client = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  Flooder flood(client.Open(listener.bound_key()), count, 32, [&block](int index) {
    const uint64_t mixed = static_cast<uint64_t>(index) * 0x9e3779b97f4a7c15;
    const double chance = static_cast<double>(mixed >> 11) / static_cast<double>(uint64_t{1} << 53);
    const auto size = index % 16 == 0 ? 0 : static_cast<size_t>(std::exp2(20 * chance));
    return Message::Bytes(index, block.Share(static_cast<size_t>(mixed & 0xfffff), size));
  });
  flood.Wait();
  EXPECT_EQ(flood.replied(), count) << flood.first_failure();
  EXPECT_EQ(client.stats().started, static_cast<uint64_t>(count));
  EXPECT_EQ(server.stats().requests_received, static_cast<uint64_t>(count));
  EXPECT_EQ(server.stats().replies_sent, static_cast<uint64_t>(count));
}

// Bytes of this process that are in memory.
size_t ResidentBytes() {
  size_t pages = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST_P(Flood, ConnectTalkDisconnectLeavesNothingBehind) {
  const int cycles = static_cast<int>(Scaled(500, 500, 5000));
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  Side& talker = NewSide();
  const auto await_the_last = [&] {
    for (Side* side : {&server, &talker}) side->Await([](const Stats& s) { return s.channels_opened == s.channels_closed; });
  };
  size_t descriptors = 0;
  size_t threads = 0;
  size_t resident = 0;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    if (cycle == cycles / 10) {
      await_the_last();
      descriptors = OpenDescriptors();
      threads = RunningThreads();
      resident = ResidentBytes();
    }
    const auto peer = DialRaw(listener.bound_key(), inproc());
    EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 1, "talk")));
    EXPECT_EQ(wire::Read(*peer).body, "talk");
    peer->HalfClose();
    EXPECT_TRUE(wire::Ends(*peer));
    // And from the other side: a listener that comes and goes under a client.
    Listener brief = server.Listen(FreshKey(), Echo());
    EXPECT_TRUE(talker.rain().SyncSend(talker.protocol(), brief.bound_key(), Message::Text("talk")).ok());
  }
  await_the_last();
  EXPECT_TRUE(Eventually([&] { return talker.rain().Transports().empty(); })) << "transports to listeners that are gone";
  EXPECT_EQ(server.stats().channels_opened, 2u * static_cast<uint64_t>(cycles));
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors() == descriptors; })) << OpenDescriptors() << " against " << descriptors;
  EXPECT_TRUE(Eventually([&] { return RunningThreads() == threads; })) << RunningThreads() << " against " << threads;
  if (!RAIN_UNDER_SANITIZER) {  // these keep what was freed
    EXPECT_LE(ResidentBytes(), resident + (1 << 20)) << "it was " << resident;
  }
}

RAIN_ON_EVERY_TRANSPORT(Flood);

}  // namespace
}  // namespace rain
