#include "listenrain/framework/loop_core.h"

#include <cassert>
#include <utility>

#include "listenrain/framework/guarded.h"

namespace rain {

void Loop::Drive(absl::FunctionRef<bool()>) noexcept { assert(false && "this loop has no helm, or should say how it is driven"); }

TurnTask::~TurnTask() { Withdraw(); }

void TurnTask::Withdraw() {
  if (next_ == nullptr) return;
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = previous_ = nullptr;
}

// The list is a ring through this head; a task that waits has neighbours.
class TurnList::Head final : public TurnTask {
  void OnTurn() override {}
};

TurnList::TurnList() : head_(new Head) {
  TurnTask& head = *head_;
  head.next_ = head.previous_ = &head;
}

TurnList::~TurnList() {
  TurnTask& head = *head_;
  while (head.next_ != &head) {
    TurnTask* task = head.next_;
    head.next_ = task->next_;
    task->next_->previous_ = &head;
    task->next_ = task->previous_ = nullptr;
    task->OnForgotten();
  }
  head.next_ = head.previous_ = nullptr;
  delete head_;
}

bool TurnList::empty() const {
  const TurnTask& head = *head_;
  return head.next_ == &head;
}

void TurnList::Add(TurnTask& task) {
  if (task.next_ != nullptr) return;
  TurnTask& head = *head_;
  task.next_ = &head;
  task.previous_ = head.previous_;
  head.previous_->next_ = &task;
  head.previous_ = &task;
}

size_t TurnList::RunAll() {
  TurnTask& head = *head_;
  size_t count = 0;
  for (; head.next_ != &head; ++count) {
    TurnTask* task = head.next_;
    head.next_ = task->next_;
    task->next_->previous_ = &head;
    task->next_ = task->previous_ = nullptr;
    task->OnTurn();
  }
  return count;
}

LoopCore::LoopCore(const Clock& clock, uint64_t seed) : clock_(clock), now_(clock.Now()), random_state_(seed) {
  // So that the steady state never allocates, however the threads fall in with each other.
  constexpr size_t kTasksATurn = 64;
  for (std::vector<Task>* tasks : {&own_, &running_, &posted_, &running_of_others_}) tasks->reserve(kTasksATurn);
}

LoopCore::~LoopCore() { Shut(); }

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
uint64_t LoopCore::Random() {
  uint64_t z = (random_state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// What the loop posts to itself costs no lock.
bool LoopCore::Post(Task task) {
  if (baton_.HeldHere() && !has_posted_.load(std::memory_order_acquire)) {
    if (ended_) return false;
    own_.push_back(std::move(task));
    return own_.size() == 1 && asleep_.load(std::memory_order_relaxed);
  }
  MutexLock lock(mutex_);
  if (shut_) return false;  // destroyed by the caller, outside the lock
  posted_.push_back(std::move(task));
  return !has_posted_.exchange(true) && asleep_.load();
}

void LoopCore::Shut() {
  ended_ = true;
  std::vector<Task> unrun;
  unrun.swap(own_);
  std::vector<Task> unrun_of_others;
  {
    MutexLock lock(mutex_);
    shut_ = true;
    unrun_of_others.swap(posted_);
    has_posted_.store(false, std::memory_order_release);
  }
}

size_t LoopCore::RunAll(std::vector<Task>& tasks) {
  const size_t count = tasks.size();
  for (Task& task : tasks) {
    GuardedAndLogged("a task on a loop", [&] { std::move(task)(); });
    task = nullptr;
  }
  tasks.clear();
  return count;
}

// What these tasks post runs in a later turn.
size_t LoopCore::WorkAsOfNow() {
  running_.swap(own_);
  if (has_posted_.load(std::memory_order_acquire)) {
    MutexLock lock(mutex_);
    running_of_others_.swap(posted_);
    has_posted_.store(false, std::memory_order_release);
  }
  this_turn_.Swap(next_turn_);
  size_t done = this_turn_.RunAll();
  if (!running_.empty()) done += RunAll(running_);
  if (!running_of_others_.empty()) done += RunAll(running_of_others_);
  if (timers_.next() <= now_) done += timers_.FireDue(now_);
  turn_ends_.RunAll();
  return done;
}

Instant LoopCore::NextDeadline() {
  if (has_posted_.load() || !own_.empty() || !next_turn_.empty() || !turn_ends_.empty()) return now_;
  return timers_.next();
}

}  // namespace rain
