#include "listenrain/framework/acceptor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/baton.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/handover.h"
#include "listenrain/framework/listener.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/status.h"

namespace rain {

Acceptor::Acceptor(Ref<AcceptorBox> box, std::shared_ptr<const ProtocolParts> protocol, std::shared_ptr<const RequestSink> sink,
                   std::unique_ptr<ChannelGenerator> generator)
    : box_(std::move(box)),
      protocol_(std::move(protocol)),
      sink_(std::move(sink)),
      generator_(std::move(generator)),
      retry_(box_->shard->loop(), [this] { Ask(); }) {
  box_->acceptor = this;
}

Acceptor::~Acceptor() { box_->acceptor = nullptr; }

void Acceptor::Start() {
  if (!ended_) Ask();
}

void Acceptor::Ask() {
  const absl::Status asked = Guarded("the channel generator", [this] {
    generator_->Next(box_->shard->loop(),
                     [this](absl::StatusOr<std::unique_ptr<Channel>> channel) { OnChannel(std::move(channel)); });
    return absl::OkStatus();
  });
  if (asked.ok()) return;
  Log(Severity::error, absl::StrCat("listener ", box_->bound_key.text()), absl::StrCat(asked.message(), "; listening no more"));
  End(asked);
}

void Acceptor::OnChannel(absl::StatusOr<std::unique_ptr<Channel>> channel) {
  if (ended_ || !drains_.empty()) return;
  Shard& shard = *box_->shard;
  if (!channel.ok()) {
    const auto again = generator_->RetryAfter(channel.status(), absl::ZeroDuration());
    Log(again.has_value() ? Severity::warning : Severity::error, absl::StrCat("listener ", box_->bound_key.text()),
        absl::StrCat(channel.status().message(), again.has_value() ? "; trying again" : "; listening no more"));
    if (!again.has_value()) return End(Fresh(channel.status()));
    retry_.Start(*again);
    return;
  }
  auto box = MakeRef<PostBox>(box_->shard, protocol_, box_->bound_key, Role::acceptor);
  auto* raw = new Transport(std::move(box), sink_);
  auto transport = std::unique_ptr<Transport>(raw);
  raw->set_on_gone([box = box_, number = accepted_] {
    if (box->acceptor == nullptr) return;
    box->acceptor->transports_.erase(number);
    box->acceptor->MaybeFinish();
  });
  transports_.emplace(accepted_++, raw);
  shard.House(std::move(transport));
  raw->Attach(*std::move(channel));
  if (!ended_) Ask();
}

std::vector<Resident*> Acceptor::Served() {
  std::vector<Resident*> served{this};
  for (const auto& [number, transport] : transports_) served.push_back(transport);
  return served;
}

// Accepts no more, and is over when its transports are.
void Acceptor::BeginDrain(const Ref<Drain>& drain) {
  if (ended_) return;
  drain->Join(*this);
  drains_.push_back(drain);
  generator_.reset();
  retry_.Stop();
  MaybeFinish();
}

void Acceptor::MaybeFinish() {
  if (!drains_.empty() && !ended_ && transports_.empty()) End(absl::CancelledError("the listener was drained"));
}

void Acceptor::End(absl::Status why) {
  if (ended_) return;
  ended_ = true;
  box_->shard->Bury(*this);
  generator_.reset();
  retry_.Stop();
  while (!transports_.empty()) transports_.begin()->second->End(Fresh(why));
  box_->acceptor = nullptr;
  for (const Ref<Drain>& drain : std::exchange(drains_, {})) drain->Leave(*this, {});
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

void Listener::DrainThen(absl::Duration timeout, absl::AnyInvocable<void(DrainReport) &&> done) {
  if (!box_) return std::move(done)({});
  box_->shard->Execute([box = box_, timeout, done = std::move(done)]() mutable {
    if (box->acceptor == nullptr) return std::move(done)({});
    rain::Drain::Begin(*box->shard, timeout, box->acceptor->Served(), std::move(done));
  });
}

DrainReport Listener::Drain(absl::Duration timeout) {
  if (Baton::AnyHeldHere()) {
    DrainThen(timeout, [](DrainReport) {});
    return {};
  }
  const auto report = std::make_shared<Handover<DrainReport>>();
  DrainThen(timeout, [report](DrainReport all) { report->Put(all); });
  return report->Take();
}

void Listener::Stop() {
  if (!box_) return;
  box_->shard->ExecuteAndWait([box = box_] {
    if (box->acceptor != nullptr) box->acceptor->End(absl::CancelledError("the listener was stopped"));
  });
}

}  // namespace rain
