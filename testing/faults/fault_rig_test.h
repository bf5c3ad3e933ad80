// What every fault test stands on: sides (a ListenRain each), outcomes that are counted, and a last look: nothing is in flight,
// the accounts balance, the descriptors are back.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/listenrain.h"
#include "listenrain/testing/faults/raw_peer_test.h"
#include "listenrain/testing/faults/signal_test.h"

namespace rain {

// Counts how requests end, and that each does so once. Outlives the requests. Thread: any.
class Outcomes {
 public:
  // Send, with a callback that is counted if OK is returned.
  absl::Status Ask(const TransportHandle<Message>& transport, const Message& message, const SendOptions& options = {});
  // Waits until all that were asked have ended.
  void Wait();

  int asked() const;
  int replied() const { return ended(absl::StatusCode::kOk); }
  int ended(absl::StatusCode code) const;
  int ended() const;
  // Of the reply or the failure that came last.
  std::string last() const;

 private:
  Callback<Message> Counted();
  void Count(const absl::StatusOr<Message>& outcome);

  mutable Mutex mutex_;
  CondVar changed_;
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;
  int ended_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<absl::StatusCode, int> by_code_ ABSL_GUARDED_BY(mutex_);
  std::string last_ ABSL_GUARDED_BY(mutex_);
};

// A program: a ListenRain with one protocol.
class Side {
 public:
  struct Options {
    std::shared_ptr<Executor> executor;  // null: a pool of two
    Limits limits;
    absl::Duration timeout = absl::Seconds(20);
    Router<Message> router;                                      // of requests on dialed transports
    std::shared_ptr<const MessageCodec<Message>> message_codec;  // null: the compact one
    std::shared_ptr<BufferPool> buffers;
    std::shared_ptr<Observer> observer;
    std::vector<TransportScheme> schemes;
  };
  explicit Side(Options options);

  ListenRain& rain() { return *rain_; }
  const Protocol<Message>& protocol() const { return protocol_; }
  Loop& loop() { return *loop_; }
  const std::shared_ptr<Loop>& shared_loop() const { return loop_; }
  Stats stats() const { return rain_->StatsOf(protocol_); }
  TransportHandle<Message> Open(const TransportKey& key);
  Listener Listen(const TransportKey& key, Router<Message> router);
  // Waits for a state of the counters.
  template <class Holds>
  void Await(Holds holds) {
    EXPECT_TRUE(Eventually(*loop_, [&] { return holds(stats()); })) << Describe();
  }
  std::string Describe() const;
  // Every account is closed.
  void ExpectAtRest();

 private:
  std::shared_ptr<Loop> loop_;
  std::unique_ptr<ListenRain> rain_;
  Protocol<Message> protocol_;
};

// A router with one handler for everything.
Router<Message> Handling(Router<Message>::Handler handler);
Router<Message> Echo();

// How many descriptors this process has, and how many threads.
size_t OpenDescriptors();
size_t RunningThreads();

// Thread: the test's.
class FaultRig : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Lives until the test's end. Its ListenRain knows the rig's inproc network.
  Side& NewSide(Side::Options options = {});
  const TransportScheme& inproc() const { return inproc_; }
  std::vector<TransportScheme> Schemes() const;
  // A folder of this test's own.
  const std::string& folder() const { return folder_; }
  // An access point that nobody has used: port 0, a new path, a new name.
  TransportKey FreshKey(const std::string& scheme);

 private:
  TransportScheme inproc_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::string folder_;
  size_t descriptors_ = 0;
  int keys_ = 0;
};

// Fault tests that hold for every transport: the parameter is its scheme.
class EveryTransport : public FaultRig, public testing::WithParamInterface<const char*> {
 protected:
  TransportKey FreshKey() { return FaultRig::FreshKey(GetParam()); }
  bool is(const std::string& scheme) const { return scheme == GetParam(); }
};

inline std::string NameOf(const testing::TestParamInfo<const char*>& info) { return info.param; }
#define RAIN_ON_EVERY_TRANSPORT(suite) INSTANTIATE_TEST_SUITE_P(On, suite, testing::Values("tcp", "unix", "inproc"), rain::NameOf)

}  // namespace rain
