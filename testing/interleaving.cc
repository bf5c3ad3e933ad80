#include "listenrain/testing/interleaving.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <exception>
#include <memory>
#include <thread>

#include "listenrain/framework/interleaved.h"
#include "listenrain/testing/interleaving_model.h"
#include "listenrain/testing/interleaving_search.h"
#include "listenrain/testing/unseen.h"

namespace rain {
namespace {

using Time = InterleavingModel::Time;

constexpr size_t kNobody = InterleavingSearch::kNobody;

// Lets one thread wait until another one lets it go.
class Gate {
 public:
  void Open() {
    open_.store(1, std::memory_order_release);
    open_.notify_one();
  }
  void Pass() {
    while (open_.exchange(0, std::memory_order_acquire) == 0) open_.wait(0);
  }

 private:
  std::atomic<int> open_{0};
};

}  // namespace

// One thread of the scenario's runs at a time, from one step to its next. When it comes to a step it chooses who goes on.
class Explorer final : public std::enable_shared_from_this<Explorer> {
 public:
  explicit Explorer(const ExploreOptions& options) : options_(options), search_(options.reduce, options.max_preemptions) {}

  Exploration Run(const std::function<void(Scenario&)>& set_up);
  void Fail(const std::string& what);
  void PassTime(Time until, Place place);

 private:
  // One thread, which serves a body in each schedule.
  class Seat final : public Interleaver {
   public:
    Seat(Explorer& explorer, size_t number) : explorer_(explorer), number_(number) {}

    void Before(Access access, const void* object, Place place) override;
    void Lock(const void* mutex, Place place) override;
    void Unlock(const void* mutex) override;
    void Wait(const void* condition, const void* mutex, Time deadline, Place place) override;
    void Signal(const void* condition, bool all) override;
    Time Now(Place place) override;
    void Begin(void* object) override;
    void End(void* object) override;

   private:
    friend class Explorer;
    void Serve();

    Explorer& explorer_;
    const size_t number_;
    std::thread thread_;
    Gate gate_;
    std::string name_;
    std::function<void()> body_;
  };

  void RunOne(const std::function<void(Scenario&)>& set_up);
  void SeatAll(Scenario& scenario);
  void Dismiss();
  size_t Choose(size_t current);
  size_t Repeat(ThreadMask able, size_t current);
  void PassOn(size_t from);
  void AwaitTurn(size_t thread);
  void Over(bool abandoned);
  [[noreturn]] void Abandon();

  const ExploreOptions options_;
  InterleavingSearch search_;
  std::optional<InterleavingModel> model_;
  std::vector<std::unique_ptr<Seat>> seats_;
  size_t threads_ = 0;  // seats that have a body in this scenario
  Exploration result_;

  // Of the schedule that runs: which thread did each step, and what.
  std::vector<size_t> choices_;
  std::vector<PendingStep> steps_;
  std::string failure_;
  bool abandoned_ = false;  // threads stand still for ever
  Gate over_;
  // What ThreadSanitizer does see: a schedule begins after what came before it, and ends before what follows.
  std::atomic<int> begun_{0};
  std::atomic<int> ended_{0};
};

namespace {

thread_local Explorer* exploring = nullptr;

}  // namespace

void Explorer::Seat::Before(Access access, const void* object, Place place) {
  const Unseen unseen;
  explorer_.model_->Arrive(number_, Stand::step, access, object, place);
  explorer_.AwaitTurn(number_);
}

void Explorer::Seat::Lock(const void* mutex, Place place) {
  const Unseen unseen;
  explorer_.model_->Arrive(number_, Stand::lock, Access::lock, mutex, place);
  explorer_.AwaitTurn(number_);
}

void Explorer::Seat::Unlock(const void* mutex) {
  const Unseen unseen;
  explorer_.model_->Unlock(mutex);
}

void Explorer::Seat::Wait(const void* condition, const void* mutex, Time deadline, Place place) {
  const Unseen unseen;
  explorer_.model_->ArriveAtWait(number_, condition, mutex, deadline, place);
  explorer_.AwaitTurn(number_);
}

void Explorer::Seat::Signal(const void* condition, bool all) {
  const Unseen unseen;
  explorer_.model_->Signal(condition, all);
}

Time Explorer::Seat::Now(Place place) {
  Before(Access::load, &explorer_.model_->now(), place);
  return explorer_.model_->now();
}

void Explorer::Seat::Begin(void* object) {
  const Unseen unseen;
  explorer_.model_->Make(object);
}

void Explorer::Seat::End(void* object) {
  const Unseen unseen;
  explorer_.model_->Destroy(object);
}

void Explorer::Seat::Serve() {
  const std::shared_ptr<Explorer> kept = explorer_.shared_from_this();
  ThreadsInterleaver() = this;
  exploring = &explorer_;
  for (;;) {
    {
      const Unseen unseen;
      gate_.Pass();
    }
    explorer_.begun_.load(std::memory_order_acquire);
    if (!body_) return;
    try {
      body_();
    } catch (const std::exception& thrown) {
      explorer_.Fail(name_ + " threw: " + thrown.what());
    } catch (...) {
      explorer_.Fail(name_ + " threw what is no std::exception");
    }
    explorer_.ended_.fetch_add(1, std::memory_order_acq_rel);
    const Unseen unseen;
    explorer_.model_->ArriveAtEnd(number_);
    explorer_.PassOn(number_);
  }
}

// Who goes on; nobody if nobody can.
size_t Explorer::Choose(size_t current) {
  if (choices_.empty()) current = kNobody;
  const ThreadMask able = model_->Able();
  if (able == 0) {
    if (model_->all_ended()) return kNobody;
    std::string who;
    for (size_t i = 0; i < threads_; ++i) {
      if (model_->at(i).stand != Stand::end) who += "\n  " + seats_[i]->name_ + ", which " + model_->at(i).Describe();
    }
    Fail("nobody can go on:" + who);
    return kNobody;
  }
  if (options_.replay.has_value()) return Repeat(able, current);
  const size_t chosen = search_.Choose(able, current, model_->known());
  if (chosen == kNobody) Fail("the scenario is not the same each time: the same steps lead to other ones");
  return chosen;
}

// As options_.replay says; where that ends, threads go on as long as they can.
size_t Explorer::Repeat(ThreadMask able, size_t current) {
  const size_t step = choices_.size();
  if (step >= options_.replay->size()) {
    const bool goes_on = current != kNobody && (able & MaskOf(current)) != 0;
    return goes_on ? current : static_cast<size_t>(std::countr_zero(able));
  }
  const size_t wanted = (*options_.replay)[step];
  if (wanted < threads_ && (able & MaskOf(wanted)) != 0) return wanted;
  Fail("this replay is of another scenario: thread " + std::to_string(wanted) + " cannot do step " + std::to_string(step + 1));
  return kNobody;
}

// Lets somebody go on; not `from`, unless that is chosen.
void Explorer::PassOn(size_t from) {
  for (size_t i = from + 1; i < threads_; ++i) {  // in the beginning, everybody comes to a first step
    if (model_->at(i).stand == Stand::begin) return seats_[i]->gate_.Open();
  }
  const size_t next = Choose(from);
  if (next == kNobody) return Over(!model_->all_ended());
  seats_[next]->gate_.Open();
}

// The thread has come to a step: returns when it is to be done.
void Explorer::AwaitTurn(size_t thread) {
  PassOn(thread);
  seats_[thread]->gate_.Pass();
  choices_.push_back(thread);
  steps_.push_back(model_->at(thread));
  if (!model_->Do(thread)) {
    Fail(seats_[thread]->name_ + " touches what was destroyed");
    Abandon();
  }
  if (choices_.size() >= options_.max_steps) {
    Fail("no end after " + std::to_string(options_.max_steps) + " steps");
    Abandon();
  }
}

void Explorer::Over(bool abandoned) {
  abandoned_ = abandoned;
  over_.Open();
}

// Ends the schedule, where this thread stands still for ever.
void Explorer::Abandon() {
  Over(true);
  for (Gate never;;) never.Pass();
}

void Explorer::Fail(const std::string& what) {
  const Unseen unseen;
  if (failure_.empty()) failure_ = what;
}

void Explorer::PassTime(Time until, Place place) {
  ThreadsInterleaver()->Before(Access::store, &model_->now(), place);
  const Unseen unseen;
  model_->PassTime(until);
}

void Explorer::SeatAll(Scenario& scenario) {
  threads_ = scenario.threads_.size();
  while (seats_.size() < threads_) {
    seats_.push_back(std::make_unique<Seat>(*this, seats_.size()));
    seats_.back()->thread_ = std::thread([seat = seats_.back().get()] { seat->Serve(); });
  }
  for (size_t i = 0; i < threads_; ++i) {
    seats_[i]->name_ = std::move(scenario.threads_[i].name);
    seats_[i]->body_ = std::move(scenario.threads_[i].run);
  }
  model_.emplace(search_, threads_);
}

void Explorer::RunOne(const std::function<void(Scenario&)>& set_up) {
  Scenario scenario;
  set_up(scenario);
  if (scenario.threads_.empty() || scenario.threads_.size() > InterleavingModel::kMaxThreads) {
    return Fail("a scenario has one thread to eight");
  }
  SeatAll(scenario);
  search_.Begin();
  choices_.clear();
  steps_.clear();
  begun_.fetch_add(1, std::memory_order_acq_rel);
  {
    const Unseen unseen;
    seats_[0]->gate_.Open();
    over_.Pass();
  }
  if (abandoned_) return;
  ended_.load(std::memory_order_acquire);
  if (scenario.check_) scenario.check_();
  for (size_t i = 0; i < threads_; ++i) seats_[i]->body_ = nullptr;
}

void Explorer::Dismiss() {
  for (const auto& seat : seats_) {
    if (abandoned_) {
      seat->thread_.detach();
    } else {
      begun_.fetch_add(1, std::memory_order_acq_rel);
      seat->gate_.Open();
      seat->thread_.join();
    }
  }
}

Exploration Explorer::Run(const std::function<void(Scenario&)>& set_up) {
  exploring = this;
  do {
    RunOne(set_up);
    ++(search_.redundant() ? result_.cut : result_.schedules);
    result_.longest = std::max(result_.longest, choices_.size());
    if (result_.schedules + result_.cut >= options_.max_schedules) {
      Fail("the search has no end after " + std::to_string(options_.max_schedules) + " schedules");
    }
  } while (failure_.empty() && !options_.replay.has_value() && search_.Advance());
  exploring = nullptr;
  Dismiss();
  if (failure_.empty()) return result_;
  result_.failure = failure_ + "\nThe schedule, step by step:";
  for (size_t i = 0; i < steps_.size(); ++i) {
    result_.failure += "\n  " + std::to_string(i + 1) + ". " + seats_[choices_[i]]->name_ + " " + steps_[i].Describe();
  }
  result_.choices = choices_;
  return result_;
}

Exploration Explore(const std::function<void(Scenario&)>& set_up, const ExploreOptions& options) {
  return std::make_shared<Explorer>(options)->Run(set_up);
}

void Require(bool holds, std::string_view what) {
  if (!holds) exploring->Fail(std::string(what) + ": does not hold");
}

Time TimeNow() { return ThreadsInterleaver()->Now(Place::Here()); }

void PassTime(Time until) { exploring->PassTime(until, Place::Here()); }

}  // namespace rain
