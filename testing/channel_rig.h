// ChannelRig: what each check of the channel suite runs in: loops, a listener, connections, and waiting for what must happen.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/testing/channel_suite.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/watched_channel.h"

namespace rain {

// Two ends of one connection: `near` dialed, `far` was accepted. Started, if Connect made them.
struct ChannelPair {
  WatchedChannel* near = nullptr;
  WatchedChannel* far = nullptr;
};

// The answer to one Next. Thread: the home of that Next.
struct Answer {
  Loop* home = nullptr;
  bool called = false;
  std::shared_ptr<int> kept = std::make_shared<int>();  // `done` holds the other reference
  absl::Status status;
  std::unique_ptr<Channel> channel;
};

// Made by a check, on the test's thread, which uses it alone; what touches channels goes through On.
class ChannelRig final : private ChannelWatcher {
 public:
  // Listens.
  explicit ChannelRig(const ChannelSubject& subject);
  ~ChannelRig();

  const ChannelSubject& subject() const { return subject_; }
  const TransportScheme& scheme() const { return scheme_; }
  Loop& near_loop() { return *near_loop_; }
  Loop& far_loop() { return *far_loop_; }
  // Null if listening failed, which is reported.
  ChannelGenerator* listener() { return listener_.get(); }
  TransportKey dial_key() const { return dial_key_; }

  // A new connection. False, and reported, if it could not be had: then the check is over.
  // Crossed: each end lives on the loop that the other one was made on.
  bool Connect(ChannelPair& pair, bool start = true, bool crossed = false);
  // Lives as long as the rig, or until Drop. Null, and reported, if it could not be had.
  ChannelGenerator* Dialer();
  void Drop(ChannelGenerator& dialer);
  // Asks once. The answer lives as long as the rig.
  Answer& Next(ChannelGenerator& generator, Loop& home);
  void StopListening();

  // Runs `action` on the loop, and waits for it.
  void On(Loop& loop, absl::FunctionRef<void()> action);
  void On(WatchedChannel& end, absl::FunctionRef<void()> action) { On(end.loop(), action); }
  // Waits until `condition`, asked on the loop, holds. False, and reported, if it never does.
  bool Await(Loop& loop, absl::string_view what, absl::FunctionRef<bool()> condition);
  bool Await(WatchedChannel& end, absl::string_view what, absl::FunctionRef<bool()> condition) {
    return Await(end.loop(), what, condition);
  }
  // Lets everything happen that is about to.
  void Settle();

  template <class... Parts>
  void Expect(bool holds, const Parts&... parts) {
    if (!holds) OnViolation(absl::StrCat(parts...));
  }
  // Ends all that lives, and gives what was found.
  Violations Finish();

 private:
  void OnViolation(std::string what) override;
  void OnProgress() override;
  bool manual() const { return !manual_loops_.empty(); }
  bool AwaitTurns(Loop& loop, absl::FunctionRef<bool()> condition);

  Mutex mutex_;
  CondVar changed_;
  uint64_t progress_ ABSL_GUARDED_BY(mutex_) = 0;
  Violations violations_ ABSL_GUARDED_BY(mutex_);

  const ChannelSubject& subject_;
  const size_t descriptors_before_;
  const TransportScheme scheme_;
  std::vector<ManualLoop*> manual_loops_;
  bool restless_ = false;  // the manual loops always have something to do
  std::shared_ptr<Loop> near_loop_;
  std::shared_ptr<Loop> far_loop_;
  std::unique_ptr<ChannelGenerator> listener_;
  TransportKey dial_key_;
  std::vector<std::unique_ptr<ChannelGenerator>> dialers_;
  std::deque<Answer> answers_;
  std::deque<WatchedChannel> ends_;
};

}  // namespace rain
