#include "listenrain/testing/sim_world.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

constexpr uint64_t kLongestStep = 2'000;  // nanoseconds: what runs takes time

const char* NameOf(MessageKind kind) {
  switch (kind) {
    case MessageKind::request:
      return "request";
    case MessageKind::reply:
      return "reply";
    case MessageKind::error:
      return "error";
    case MessageKind::one_way:
      return "one-way message";
    case MessageKind::cancel:
      return "cancel";
    case MessageKind::ping:
      return "ping";
    case MessageKind::pong:
      return "pong";
    case MessageKind::go_away:
      return "go-away";
    default:
      return "message";
  }
}

// Every packet is a line of the history.
class SimObserver final : public Observer {
 public:
  SimObserver(SimHistory& history, std::string node) : history_(history), node_(std::move(node)) {}
  void OnPacketIn(const ObservedTransport& transport, const MessageHeader& header, const Payload& payload) override {
    Note(transport, " reads ", header, payload);
  }
  void OnPacketOut(const ObservedTransport& transport, const MessageHeader& header, const Payload& payload) override {
    Note(transport, " writes ", header, payload);
  }

 private:
  void Note(const ObservedTransport& transport, const char* does, const MessageHeader& header, const Payload& payload) {
    history_.Note(node_, absl::StrCat("with ", transport.peer.address, does, NameOf(header.kind), " ", ToString(header.id),
                                      " of ", SizeOf(payload), " bytes"));
  }

  SimHistory& history_;
  const std::string node_;
};

}  // namespace

SimWorld::SimWorld(uint64_t seed, bool keeps_lines)
    : random_(seed),
      history_(*clock_, keeps_lines),
      agenda_(clock_),
      network_(std::make_shared<SimNetwork>(agenda_, history_, random_.Next())) {}

SimWorld::~SimWorld() {
  for (const auto& node : nodes_) End(*node);
  agenda_.Clear();
}

SimNode& SimWorld::AddNode(std::string name, const SimNode::Options& options, SimNode::Main main) {
  nodes_.push_back(std::unique_ptr<SimNode>(new SimNode(std::move(name), options, std::move(main))));
  Start(*nodes_.back());
  return *nodes_.back();
}

void SimWorld::Start(SimNode& node) {
  if (node.up()) {
    if (!node.stopping_) return;
    End(node);
  }
  history_.Note(node.name_, "starts");
  network_->Return(node.name_);
  node.SetTime(now());
  const auto observer = node.options_.observed ? std::make_shared<SimObserver>(history_, node.name_) : nullptr;
  node.Boot(random_, network_->SchemeOf(node.name_), observer);
}

void SimWorld::Crash(SimNode& node) {
  if (!node.up()) return;
  history_.Note(node.name_, "crashes");
  network_->Vanish(node.name_);
  node.dying_ = true;
  Destroy(node);
}

void SimWorld::Stop(SimNode& node) {
  if (!node.up()) return;
  history_.Note(node.name_, "stops");
  node.stopping_ = true;
  node.Run([&node] {
    node.rain_->Stop();
    node.stop_begun_ = true;
  });
}

void SimWorld::End(SimNode& node) {
  if (!node.up()) return;
  if (!node.stopping_) Stop(node);
  Pause(node, false);
  node.Settle(random_);
  if (node.program_ != nullptr) node.program_->OnStopped();
  history_.Note(node.name_, "ends");
  Destroy(node);
}

void SimWorld::Destroy(SimNode& node) {
  const std::string left = node.Destroy(random_);
  if (!left.empty()) Fail(left);
}

void SimWorld::Pause(SimNode& node, bool paused) {
  if (!node.up() || node.paused_ == paused) return;
  history_.Note(node.name_, paused ? "stands still" : "goes on");
  node.paused_ = paused;
  if (!paused) node.awake_since_ = now();
}

void SimWorld::JumpClock(SimNode& node, absl::Duration by) {
  history_.Note(node.name_, "finds its clock ahead");
  node.ahead_ += by;
  node.SetTime(now());
}

void SimWorld::SetTime(Instant now) {
  clock_->Set(now);
  for (const auto& node : nodes_) node->SetTime(now);
}

void SimWorld::Gather() {
  runnable_.clear();
  for (const auto& node : nodes_) {
    if (node->rain_ == nullptr || node->paused_) continue;
    const size_t before = runnable_.size();
    for (const auto& loop : node->loops_) {
      if (loop->busy()) runnable_.push_back({loop.get(), nullptr, nullptr});
    }
    if (node->executor_->busy()) runnable_.push_back({nullptr, node->executor_.get(), nullptr});
    if (node->stop_begun_ && runnable_.size() == before) runnable_.push_back({nullptr, nullptr, node.get()});
  }
  if (agenda_.due()) runnable_.push_back({});
}

void SimWorld::RunOne(const Runnable& chosen) {
  if (chosen.loop != nullptr) {
    chosen.loop->RunTurn(now());
  } else if (chosen.executor != nullptr) {
    chosen.executor->RunOne(random_);
  } else if (chosen.stopped != nullptr) {
    End(*chosen.stopped);
  } else {
    agenda_.RunNext();
  }
}

bool SimWorld::Step(Instant until) {
  if (!failure_.empty()) return false;
  Gather();
  if (runnable_.empty()) {
    Instant next = agenda_.next();
    for (const auto& node : nodes_) {
      if (node->rain_ != nullptr && !node->paused_) next = std::min(next, node->next());
    }
    if (next > until) {
      if (until > now() && !until.infinite()) SetTime(until);
      return false;
    }
    SetTime(std::max(next, now()));
    return true;
  }
  if (now() >= until) return false;
  const Runnable chosen = random_.OneOf(runnable_);
  SetTime(now() + absl::Nanoseconds(static_cast<int64_t>(random_.Below(kLongestStep))));
  RunOne(chosen);
  for (const auto& watcher : watchers_) watcher();
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
  if (!failure_.empty()) return;
  history_.Note("FAILS", what);
  failure_ = std::string(what);
}

}  // namespace rain
