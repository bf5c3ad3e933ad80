#include "listenrain/testing/sim_node.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/length_prefix.h"

namespace rain {

void SimExecutor::RunOne(SimRandom& random) {
  const auto chosen = waiting_.begin() + static_cast<ptrdiff_t>(random.Below(waiting_.size()));
  auto task = std::move(*chosen);
  waiting_.erase(chosen);
  std::move(task)();
}

void SimExecutor::Close() {
  closed_ = true;
  std::exchange(waiting_, {}).clear();  // what their ends bring is dropped as well
}

void* SimMemory::Allocate(size_t bytes) {
  if (refused_one_in_ > 0 && random_.OneIn(refused_one_in_)) return nullptr;
  return ::operator new(bytes, std::nothrow);
}

void SimMemory::Free(void* memory, size_t) noexcept { ::operator delete(memory); }

SimNode::SimNode(std::string name, const Options& options, Main main)
    : name_(std::move(name)), options_(options), main_(std::move(main)) {}

void SimNode::Run(absl::AnyInvocable<void() &&> task) {
  if (up()) loops_.front()->Run(std::move(task));
}

void SimNode::Boot(SimRandom& random, TransportScheme scheme, std::shared_ptr<Observer> observer) {
  dying_ = paused_ = stopping_ = stop_begun_ = false;
  memory_ = std::make_shared<SimMemory>(random.Next());
  buffers_ = NewBufferPool({.max_idle_bytes = 0, .allocator = memory_});  // so that every allocation asks the memory
  for (int i = 0; i < options_.loops; ++i) {
    loops_.push_back(std::make_shared<ManualLoop>(clock_, random.Next()));
    loops_.back()->ReleaseBaton();
  }
  shown_executor_ = executor_ = std::make_shared<SimExecutor>();
  ListenRain::Parts parts;
  parts.loops.assign(loops_.begin(), loops_.end());
  parts.buffers = buffers_;
  parts.executor = executor_;
  parts.packet_codec = NewLengthPrefixCodec();
  parts.schemes.push_back(std::move(scheme));
  parts.observer = std::move(observer);
  rain_ = std::make_unique<ListenRain>(std::move(parts));
  Run([this] { program_ = main_(*this); });
}

bool SimNode::Settle(SimRandom& random) {
  constexpr int kMostRounds = 100'000;
  for (int round = 0; busy(); ++round) {
    if (round == kMostRounds) return false;
    for (const auto& loop : loops_) {
      if (loop->busy()) loop->RunTurn(clock_->Now());
    }
    if (executor_->busy()) executor_->RunOne(random);
  }
  return true;
}

Instant SimNode::next() const {
  Instant next = Instant::Infinite();
  for (const auto& loop : loops_) next = std::min(next, loop->timers().next());
  return next.infinite() ? next : next + -ahead_;
}

bool SimNode::busy() const {
  return executor_->busy() || std::any_of(loops_.begin(), loops_.end(), [](const auto& loop) { return loop->busy(); });
}

void SimNode::Silence(SimRandom& random) {
  dying_ = true;
  executor_->Close();
  (void)Settle(random);  // what is left on the loops
}

std::string SimNode::Destroy(SimRandom& random) {
  paused_ = false;
  std::string left;
  const auto run = [&](absl::AnyInvocable<void() &&> task) {
    loops_.front()->Run(std::move(task));
    if (Settle(random) || !left.empty()) return;
    left =
        absl::StrCat(name_,
                     ": has no end: what runs on it asks for more at once, again and again, or more than 100,000 tasks wait on "
                     "it. Let them wait for time to pass");
    Silence(random);  // or what it asks for would outlive the program that it refers to
  };
  run([this] { rain_->Stop(); });
  run([this] { program_.reset(); });
  run([this] { rain_.reset(); });
  shown_executor_.reset();
  executor_.reset();
  for (auto& each : loops_) {
    const std::weak_ptr<ManualLoop> watched = each;
    each.reset();
    if (!watched.expired() && left.empty())
      absl::StrAppend(
          &left, name_,
          ": something still lives on a loop of it after its end (a responder, say, that an event of the agenda holds)");
  }
  loops_.clear();
  if (const size_t bytes = buffers_->bytes_in_use(); bytes > 0) {
    absl::StrAppend(&left, name_, ": ", bytes, " bytes of buffers are in use after its end");
  }
  return left;
}

}  // namespace rain
