#include "listenrain/testing/sim_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/length_prefix.h"

namespace rain {
namespace {

constexpr uint64_t kLongestStep = 2'000;  // nanoseconds: what runs takes time

}  // namespace

void SimExecutor::RunOne(SimRandom& random) {
  const auto chosen = waiting_.begin() + static_cast<ptrdiff_t>(random.Below(waiting_.size()));
  auto task = std::move(*chosen);
  waiting_.erase(chosen);
  std::move(task)();
}

SimNode::SimNode(std::string name, const Options& options, Main main)
    : name_(std::move(name)), options_(options), main_(std::move(main)) {}

void SimNode::Run(absl::AnyInvocable<void() &&> task) {
  if (up()) loops_.front()->Run(std::move(task));
}

SimWorld::SimWorld(uint64_t seed, bool keeps_lines)
    : random_(seed),
      history_(*clock_, keeps_lines),
      agenda_(clock_),
      network_(std::make_shared<SimNetwork>(agenda_, history_, random_.Next())) {}

SimWorld::~SimWorld() {
  for (const auto& node : nodes_) {
    if (node->rain_ != nullptr) End(*node);
  }
  agenda_.Clear();
}

SimNode& SimWorld::AddNode(std::string name, const SimNode::Options& options, SimNode::Main main) {
  nodes_.push_back(std::unique_ptr<SimNode>(new SimNode(std::move(name), options, std::move(main))));
  Start(*nodes_.back());
  return *nodes_.back();
}

void SimWorld::Start(SimNode& node) {
  history_.Note(node.name_, "starts");
  network_->Return(node.name_);
  node.dying_ = node.paused_ = false;
  node.buffers_ = NewBufferPool();
  for (int i = 0; i < node.options_.loops; ++i) {
    node.loops_.push_back(std::make_shared<ManualLoop>(clock_, random_.Next()));
    node.loops_.back()->ReleaseBaton();
  }
  node.shown_executor_ = node.executor_ = std::make_shared<SimExecutor>();
  ListenRain::Parts parts;
  parts.loops.assign(node.loops_.begin(), node.loops_.end());
  parts.buffers = node.buffers_;
  parts.executor = node.executor_;
  parts.packet_codec = NewLengthPrefixCodec();
  parts.schemes.push_back(network_->SchemeOf(node.name_));
  node.rain_ = std::make_unique<ListenRain>(std::move(parts));
  node.loops_.front()->Run([&node] { node.program_ = node.main_(node); });
}

void SimWorld::Crash(SimNode& node) {
  history_.Note(node.name_, "crashes");
  network_->Vanish(node.name_);
  node.dying_ = true;
  Destroy(node);
}

void SimWorld::End(SimNode& node) {
  history_.Note(node.name_, "ends");
  Destroy(node);
  network_->Vanish(node.name_);
}

void SimWorld::Pause(SimNode& node, bool paused) {
  if (node.paused_ == paused) return;
  history_.Note(node.name_, paused ? "stands still" : "goes on");
  node.paused_ = paused;
}

// All that the node can do now, and time stands still.
void SimWorld::Settle(SimNode& node) {
  for (bool busy = true; busy;) {
    busy = false;
    for (const auto& loop : node.loops_) {
      if (!loop->busy()) continue;
      loop->RunTurn(now());
      busy = true;
    }
    while (node.executor_->busy()) {
      node.executor_->RunOne(random_);
      busy = true;
    }
  }
}

void SimWorld::Destroy(SimNode& node) {
  ManualLoop& loop = *node.loops_.front();
  loop.Run([&node] { node.rain_->Stop(); });
  Settle(node);
  loop.Run([&node] { node.program_.reset(); });
  Settle(node);
  loop.Run([&node] { node.rain_.reset(); });
  Settle(node);
  node.shown_executor_.reset();
  node.executor_.reset();
  for (auto& each : node.loops_) {
    const std::weak_ptr<ManualLoop> watched = each;
    each.reset();
    if (!watched.expired()) Fail(absl::StrCat(node.name_, ": something still lives on a loop of it after its end"));
  }
  node.loops_.clear();
  if (const size_t bytes = node.buffers_->bytes_in_use(); bytes > 0) {
    Fail(absl::StrCat(node.name_, ": ", bytes, " bytes of buffers are in use after its end"));
  }
}

void SimWorld::Gather() {
  runnable_.clear();
  for (const auto& node : nodes_) {
    if (node->rain_ == nullptr || node->paused_) continue;
    for (const auto& loop : node->loops_) {
      if (loop->busy()) runnable_.push_back({loop.get(), nullptr});
    }
    if (node->executor_->busy()) runnable_.push_back({nullptr, node->executor_.get()});
  }
  if (agenda_.due()) runnable_.push_back({});
}

bool SimWorld::Step(Instant until) {
  if (!failure_.empty()) return false;
  Gather();
  if (runnable_.empty()) {
    Instant next = agenda_.next();
    for (const auto& node : nodes_) {
      if (node->rain_ == nullptr || node->paused_) continue;
      for (const auto& loop : node->loops_) next = std::min(next, loop->timers().next());
    }
    if (next > until) {
      if (until > now() && !until.infinite()) clock_->Set(until);
      return false;
    }
    clock_->Set(std::max(next, now()));
    return true;
  }
  if (now() >= until) return false;
  const Runnable chosen = random_.OneOf(runnable_);
  clock_->Advance(absl::Nanoseconds(static_cast<int64_t>(random_.Below(kLongestStep))));
  if (chosen.loop != nullptr) {
    chosen.loop->RunTurn(now());
  } else if (chosen.executor != nullptr) {
    chosen.executor->RunOne(random_);
  } else {
    agenda_.RunNext();
  }
  return true;
}

void SimWorld::RunFor(absl::Duration time) {
  const Instant until = now() + time;
  while (Step(until)) {
  }
}

bool SimWorld::RunUntil(absl::FunctionRef<bool()> holds, absl::Duration most) {
  const Instant until = now() + most;
  while (!holds()) {
    if (!Step(until)) return holds();
  }
  return true;
}

void SimWorld::Fail(absl::string_view what) {
  history_.Note("FAILS", what);
  if (failure_.empty()) failure_ = std::string(what);
}

}  // namespace rain
