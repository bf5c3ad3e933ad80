#include "listenrain/framework/acceptor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/baton.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/listener.h"
#include "listenrain/framework/log.h"

namespace rain {

void Accepted::Adopt(Ref<PostBox> box, std::shared_ptr<const RequestSink> sink, std::unique_ptr<Channel> channel) {
  auto* transport = new Transport(box, std::move(sink), Ref<TransportKeeper>::Share(this));
  {
    MutexLock lock(mutex_);
    boxes_.emplace(box.get(), Came{box, came_++});
  }
  shard_->House(std::unique_ptr<Resident>(transport));
  if (box->opened_transport() != nullptr) transport->Attach(std::move(channel));
}

void Accepted::OnGone(PostBox& box) {
  load_.fetch_sub(1, std::memory_order_relaxed);
  Came gone;  // dropped after the lock
  MutexLock lock(mutex_);
  gone = std::move(boxes_.extract(&box).mapped());
}

std::vector<Ref<PostBox>> Accepted::boxes() const {
  std::vector<Came> all;
  {
    MutexLock lock(mutex_);
    for (const auto& [box, came] : boxes_) all.push_back(came);
  }
  std::sort(all.begin(), all.end(), [](const Came& a, const Came& b) { return a.number < b.number; });
  std::vector<Ref<PostBox>> boxes;
  for (Came& came : all) boxes.push_back(std::move(came.box));
  return boxes;
}

std::vector<Resident*> Accepted::Transports() const {
  std::vector<Resident*> transports;
  for (const Ref<PostBox>& box : boxes()) {
    if (box->opened_transport() != nullptr) transports.push_back(box->opened_transport());
  }
  return transports;
}

AcceptorBox::AcceptorBox(Ref<Shard> on, const std::vector<Ref<Shard>>& homes, TransportKey key)
    : shard(std::move(on)), bound_key(std::move(key)) {
  for (const Ref<Shard>& home : homes) accepted.push_back(MakeRef<Accepted>(home));
}

void AcceptorBox::StopAccepting() {
  if (acceptor != nullptr) acceptor->StopAccepting();
}

// What was handed over before is adopted before.
void AcceptorBox::StopAcceptingThen(const Ref<AcceptorBox>& box, const std::function<void(Accepted&)>& act) {
  auto stop = [box, act] {
    box->StopAccepting();
    for (const Ref<Accepted>& each : box->accepted) each->shard().Execute([each, act] { act(*each); });
  };
  // One that another thread made may still be on its way to the loop: it comes first.
  if (box->shard->loop().InLoop() && !box->begun) return box->shard->loop().Run(std::move(stop));
  box->shard->Execute(std::move(stop));
}

Acceptor::Acceptor(Ref<AcceptorBox> box, std::shared_ptr<const ProtocolParts> protocol, std::shared_ptr<const RequestSink> sink,
                   std::unique_ptr<ChannelGenerator> generator)
    : box_(std::move(box)), protocol_(std::move(protocol)), sink_(std::move(sink)), generator_(std::move(generator)) {
  box_->acceptor = this;
  box_->begun = true;
}

Acceptor::~Acceptor() { box_->acceptor = nullptr; }

void Acceptor::Start() {
  if (box_->shard->ending()) return StopAccepting();
  Ask();
}

void Acceptor::Ask() {
  const absl::Status asked = Guarded("the channel generator", [this] {
    generator_->Next(box_->shard->loop(),
                     [this](absl::StatusOr<std::unique_ptr<Channel>> channel) { OnChannel(std::move(channel)); });
    return absl::OkStatus();
  });
  if (asked.ok()) return;
  Log(Severity::error, absl::StrCat("listener ", box_->bound_key.text()), absl::StrCat(asked.message(), "; listening no more"));
  StopAccepting();
}

void Acceptor::OnChannel(absl::StatusOr<std::unique_ptr<Channel>> channel) {
  if (ended_) return;
  if (!channel.ok()) {
    const auto again =
        GuardedOrNone("the channel generator", [&] { return generator_->RetryAfter(channel.status(), absl::ZeroDuration()); });
    Log(again.has_value() ? Severity::warning : Severity::error, absl::StrCat("listener ", box_->bound_key.text()),
        absl::StrCat(channel.status().message(), again.has_value() ? "; trying again" : "; listening no more"));
    if (!again.has_value()) return StopAccepting();
    retry_.Start(box_->shard->loop(), *again);
    return;
  }
  HandOver(*std::move(channel));
  if (!ended_) Ask();
}

// To the loop with the fewest.
void Acceptor::HandOver(std::unique_ptr<Channel> channel) {
  const Ref<Accepted>& to = *std::min_element(box_->accepted.begin(), box_->accepted.end(),
                                              [](const auto& a, const auto& b) { return a->load() < b->load(); });
  to->Expect();
  auto box = MakeRef<PostBox>(Ref<Shard>::Share(&to->shard()), protocol_, box_->bound_key, Role::acceptor);
  to->shard().Execute([to, box = std::move(box), sink = sink_, channel = std::move(channel)]() mutable {
    to->Adopt(std::move(box), std::move(sink), std::move(channel));
  });
}

void Acceptor::StopAccepting() {
  if (std::exchange(ended_, true)) return;
  generator_.reset();
  retry_.Stop();
  box_->acceptor = nullptr;
  box_->shard->Bury(*this);
}

Listener::Listener() = default;

Listener::Listener(Ref<AcceptorBox> box) : box_(std::move(box)) {}

Listener::Listener(Listener&&) noexcept = default;

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this != &other) {
    Stop();
    box_ = std::move(other.box_);
  }
  return *this;
}

Listener::~Listener() { Stop(); }

const TransportKey& Listener::bound_key() const {
  static const TransportKey none;
  return box_ ? box_->bound_key : none;
}

std::vector<Connection> Listener::connections() const {
  std::vector<Connection> connections;
  if (!box_) return connections;
  for (const Ref<Accepted>& each : box_->accepted) {
    for (Ref<PostBox>& box : each->boxes()) connections.emplace_back(std::move(box));
  }
  return connections;
}

void Listener::DrainThen(absl::Duration timeout, absl::AnyInvocable<void(DrainReport) &&> done) const {
  if (!box_) return std::move(done)({});
  const auto sum = MakeRef<DrainSum>(box_->accepted.size(), std::move(done));
  AcceptorBox::StopAcceptingThen(box_, [timeout, sum](Accepted& accepted) {
    rain::Drain::Begin(accepted.shard(), timeout, accepted.Transports(), [sum](DrainReport report) { sum->Add(report); });
  });
}

DrainReport Listener::Drain(absl::Duration timeout) const {
  return BeginAndWait([&](rain::Drain::Done done) { DrainThen(timeout, std::move(done)); });
}

void Listener::Stop() const {
  if (!box_) return;
  const auto end_all = [](Accepted& accepted) {
    for (Resident* transport : accepted.Transports()) transport->End(absl::CancelledError("the listener was stopped"));
  };
  if (Baton::AnyHeldHere()) return AcceptorBox::StopAcceptingThen(box_, end_all);
  box_->shard->ExecuteAndWait([box = box_] { box->StopAccepting(); });
  for (const Ref<Accepted>& each : box_->accepted) each->shard().ExecuteAndWait([&] { end_all(*each); });
}

}  // namespace rain
