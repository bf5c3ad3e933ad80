#include "listenrain/framework/shard.h"

#include <utility>

#include "listenrain/framework/baton.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/transport.h"

namespace rain {
namespace {

constexpr absl::Duration kTrimEvery = absl::Seconds(1);

}  // namespace

Shard::Shard(std::shared_ptr<Loop> loop, std::shared_ptr<BufferPool> buffers, std::shared_ptr<Observer> observer)
    : loop_(std::move(loop)), buffers_(std::move(buffers)), observer_(std::move(observer)) {}

Shard::~Shard() = default;

bool Shard::Mail(Outgoing& outgoing) {
  bool was_empty = false;
  {
    MutexLock lock(mutex_);
    if (closed_) return false;
    was_empty = first_mail_ == nullptr;
    outgoing.next = nullptr;
    (was_empty ? first_mail_ : last_mail_->next) = &outgoing;
    last_mail_ = &outgoing;
  }
  if (was_empty) loop_->Run([self = Ref<Shard>::Share(this)] { self->TakeMail(); });
  return true;
}

void Shard::TakeMail() {
  Outgoing* mail = nullptr;
  {
    MutexLock lock(mutex_);
    mail = std::exchange(first_mail_, nullptr);
    last_mail_ = nullptr;
  }
  while (mail != nullptr) {
    Outgoing& outgoing = *std::exchange(mail, mail->next);
    outgoing.next = nullptr;
    Transport::Accept(outgoing);
  }
}

void Shard::Execute(absl::AnyInvocable<void() &&> task) {
  if (loop_->InLoop()) {
    std::move(task)();
  } else {
    loop_->Run(std::move(task));
  }
}

void Shard::ExecuteAndWait(absl::AnyInvocable<void() &&> task) {
  if (Baton::AnyHeldHere()) return Execute(std::move(task));
  // Signals when the task is gone, run or not.
  struct Waiting {
    Mutex mutex;
    CondVar changed;
    bool over ABSL_GUARDED_BY(mutex) = false;
  };
  struct Signal {
    explicit Signal(Waiting& waiting) : to(&waiting) {}
    Signal(Signal&& other) noexcept : to(std::exchange(other.to, nullptr)) {}
    Signal(const Signal&) = delete;
    ~Signal() {
      if (to == nullptr) return;
      MutexLock lock(to->mutex);
      to->over = true;
      to->changed.SignalAll();
    }
    Waiting* to;
  };
  Waiting waiting;
  // The signal is destroyed last: what the task holds, perhaps the last reference to this loop but the waiter's, is gone by then.
  loop_->Run([signal = Signal(waiting), task = std::move(task)]() mutable {
    std::move(task)();
    task = nullptr;
  });
  MutexLock lock(waiting.mutex);
  while (!waiting.over) waiting.changed.Wait(waiting.mutex);
}

Dispatcher& Shard::DispatcherOf(const std::shared_ptr<const ProtocolParts>& protocol) {
  MutexLock lock(mutex_);
  auto& dispatcher = dispatchers_[protocol.get()];
  if (dispatcher == nullptr) dispatcher = std::make_unique<Dispatcher>(*this, protocol);
  return *dispatcher;
}

void Shard::AddStats(const ProtocolParts& protocol, Stats& stats) {
  MutexLock lock(mutex_);
  const auto found = dispatchers_.find(&protocol);
  if (found != dispatchers_.end()) stats.Add(found->second->counters);
}

void Shard::House(std::unique_ptr<Resident> resident) {
  Resident& housed = *resident.release();
  residents_.PushBack(housed);
  if (shut_) housed.End(absl::CancelledError("this ListenRain is stopped"));
}

void Shard::Bury(Resident& resident) {
  if (resident.buried_) return;
  resident.buried_ = true;
  residents_.Remove(resident);
  graves_.emplace_back(&resident);
  loop_->AtTurnEnd(*this);
}

void Shard::OnTurn() {
  std::vector<std::unique_ptr<Resident>> graves;
  graves.swap(graves_);
  graves.clear();
  OnQuiet();
}

std::vector<Resident*> Shard::Residents() const {
  std::vector<Resident*> residents;
  for (Resident* each = residents_.front(); each != nullptr; each = each->resident_hook_.next) residents.push_back(each);
  return residents;
}

std::vector<Ref<PostBox>> Shard::TransportBoxes(const ProtocolParts* protocol) const {
  std::vector<Ref<PostBox>> boxes;
  for (Resident* each = residents_.front(); each != nullptr; each = each->resident_hook_.next) {
    Ref<PostBox> box = each->TransportBox();
    if (box && (protocol == nullptr || &box->protocol() == protocol)) boxes.push_back(std::move(box));
  }
  return boxes;
}

void Shard::Shut() {
  shut_ = true;
  trim_.Stop();
  while (!residents_.empty()) residents_.front()->End(absl::CancelledError("this ListenRain is stopped"));
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  TakeMail();
  // What the ends above had to tell is told in this turn's end.
}

void Shard::Trim() {
  if (shut_) return;
  loop_->timers().Trim();
  if (buffers_->Trim(loop_->now())) trim_.Start(*loop_, kTrimEvery);
}

}  // namespace rain
