#include "listenrain/testing/channel_rig.h"

#include <algorithm>
#include <chrono>

namespace rain {
namespace {

// More than any check needs, and soon reached by a channel that never rests; that is then not waited for again.
constexpr size_t kMostTurns = size_t{1} << 17;
constexpr size_t kMostTurnsOfTheRestless = 100;

}  // namespace

ChannelRig::ChannelRig(const ChannelSubject& subject)
    : subject_(subject),
      descriptors_before_(subject.open_descriptors ? subject.open_descriptors() : 0),
      scheme_(subject.scheme()) {
  if (subject.new_loop) {
    near_loop_ = subject.new_loop();
    far_loop_ = subject.two_loops ? subject.new_loop() : near_loop_;
  } else {
    const auto clock = std::make_shared<ManualClock>();
    const auto add = [&] {
      auto loop = std::make_shared<ManualLoop>(clock);
      manual_loops_.push_back(loop.get());
      return loop;
    };
    near_loop_ = add();
    far_loop_ = subject.two_loops ? add() : near_loop_;
  }
  auto listener = scheme_.listen(subject.listen_key);
  Expect(listener.ok(), "listen failed: ", listener.status().ToString());
  if (!listener.ok()) return;
  listener_ = *std::move(listener);
  dial_key_ = listener_->bound_key();
}

ChannelRig::~ChannelRig() { Finish(); }

void ChannelRig::OnViolation(std::string what) {
  MutexLock lock(mutex_);
  Report(violations_, what);
}

void ChannelRig::OnProgress() {
  MutexLock lock(mutex_);
  ++progress_;
  changed_.SignalAll();
}

void ChannelRig::On(Loop& loop, absl::FunctionRef<void()> action) {
  if (loop.InLoop()) return action();
  bool done = false;
  loop.Run([&] {
    action();
    MutexLock lock(mutex_);
    done = true;
    changed_.SignalAll();
  });
  MutexLock lock(mutex_);
  while (!done) changed_.Wait(mutex_);
}

bool ChannelRig::AwaitTurns(Loop& loop, absl::FunctionRef<bool()> condition) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(subject_.patience);
  while (true) {
    uint64_t seen = 0;
    {
      MutexLock lock(mutex_);
      seen = progress_;
    }
    bool holds = false;
    On(loop, [&] { holds = condition(); });
    if (holds) return true;
    MutexLock lock(mutex_);
    // Not all that a condition may ask for is told by an event: the counts of a channel are not.
    const auto look_again = std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
    if (progress_ == seen) changed_.WaitUntil(mutex_, look_again);
    if (std::chrono::steady_clock::now() >= deadline) return false;
  }
}

bool ChannelRig::Await(Loop& loop, absl::string_view what, absl::FunctionRef<bool()> condition) {
  bool holds = false;
  if (manual()) {
    Settle();
    holds = condition();
    if (!holds && !restless_) {
      Advance(manual_loops_, subject_.patience);
      holds = condition();
    }
  } else {
    holds = AwaitTurns(loop, condition);
  }
  Expect(holds, "never: ", what);
  return holds;
}

void ChannelRig::Settle() {
  if (manual()) {
    const bool rests = RunUntilIdle(manual_loops_, restless_ ? kMostTurnsOfTheRestless : kMostTurns);
    Expect(rests || restless_, "the loop never comes to rest");
    restless_ = !rests;
    return;
  }
  // What one end did in a turn, the other sees within two: its loop is woken, and then looks.
  for (int turn = 0; turn < 4; ++turn) {
    On(*near_loop_, [] {});
    On(*far_loop_, [] {});
  }
}

Answer& ChannelRig::Next(ChannelGenerator& generator, Loop& home) {
  Answer& answer = answers_.emplace_back();
  answer.home = &home;
  On(home, [&] {
    generator.Next(home, [this, &home, &answer, kept = answer.kept](absl::StatusOr<std::unique_ptr<Channel>> made) {
      Expect(!answer.called, "`done` was called twice");
      Expect(home.InLoop(), "`done` was called on a thread without the baton of its home");
      answer.called = true;
      answer.status = made.status();
      if (made.ok()) {
        answer.channel = *std::move(made);
        Expect(answer.channel != nullptr, "`done` was called with a null channel");
      }
      OnProgress();
    });
    Expect(!answer.called, "`done` was called inside Next");
  });
  return answer;
}

ChannelGenerator* ChannelRig::Dialer() {
  auto dialer = scheme_.dial(dial_key_);
  Expect(dialer.ok(), "dial failed at once: ", dialer.status().ToString());
  return dialer.ok() ? dialers_.emplace_back(*std::move(dialer)).get() : nullptr;
}

void ChannelRig::Drop(ChannelGenerator& dialer) {
  const auto found = std::find_if(dialers_.begin(), dialers_.end(), [&](const auto& one) { return one.get() == &dialer; });
  On(near_loop(), [&] { found->reset(); });
  dialers_.erase(found);
}

bool ChannelRig::Connect(ChannelPair& pair, bool start, bool crossed) {
  ChannelGenerator* const dialer = Dialer();
  if (dialer == nullptr) return false;
  Answer& accepted = Next(*listener_, far_loop());
  Answer& dialed = Next(*dialer, near_loop());
  const bool made = Await(near_loop(), "an answer to the dialer's Next", [&] { return dialed.called; }) &&
                    Await(far_loop(), "an answer to the listener's Next", [&] { return accepted.called; });
  Drop(*dialer);
  if (!made) return false;
  Expect(dialed.status.ok(), "dialing failed: ", dialed.status.ToString());
  Expect(accepted.status.ok(), "accepting failed: ", accepted.status.ToString());
  if (!dialed.channel || !accepted.channel) return false;
  ChannelWatcher& watcher = *this;
  const uint64_t stream = ends_.size() * 7919;
  pair.near = &ends_.emplace_back("the dialer's end", crossed ? far_loop() : near_loop(), watcher, stream, stream + 1);
  pair.far = &ends_.emplace_back("the acceptor's end", crossed ? near_loop() : far_loop(), watcher, stream + 1, stream);
  const auto adopt = [&](WatchedChannel& end, Answer& answer) {
    On(end, [&] {
      end.Adopt(std::move(answer.channel));
      if (start) end.Start();
    });
  };
  adopt(*pair.near, dialed);
  adopt(*pair.far, accepted);
  return true;
}

void ChannelRig::StopListening() {
  On(far_loop(), [&] { listener_.reset(); });
}

Violations ChannelRig::Finish() {
  if (near_loop_ != nullptr) {
    StopListening();
    On(near_loop(), [&] { dialers_.clear(); });
    for (WatchedChannel& end : ends_) On(end, [&] { end.Destroy(); });
    for (Answer& answer : answers_) On(*answer.home, [&] { answer.channel.reset(); });
    Settle();
    manual_loops_.clear();
    far_loop_.reset();
    near_loop_.reset();
    if (subject_.open_descriptors) {
      const size_t now = subject_.open_descriptors();
      Expect(now == descriptors_before_, "descriptors leak: ", descriptors_before_, " were open before, and ", now, " after");
    }
  }
  MutexLock lock(mutex_);
  return violations_;
}

}  // namespace rain
