// Redialer: one channel after another for a dialing transport. It asks the generator, and waits between attempts as that says.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/delay_timer.h"
#include "listenrain/framework/rare_ptr.h"

namespace rain {

// Thread: loop. Never called inside a call to the redialer; may destroy it.
class RedialEvents {
 public:
  virtual void OnDialed(std::unique_ptr<Channel> channel) = 0;
  // Beside the channel in use, a better one.
  virtual void OnBetter(std::unique_ptr<Channel> channel) = 0;
  // It is time for another attempt. False: nobody wants one.
  virtual bool OnAttemptDue() = 0;
  // An attempt failed, and another one follows, if it is wanted then.
  virtual void OnDialFailed(const absl::Status& why) = 0;
  // An attempt failed, and it was the last.
  virtual void OnGivenUp(absl::Status why) = 0;

 protected:
  ~RedialEvents() = default;
};

// Thread: loop. Destroying it cancels what waits.
class Redialer {
 public:
  // `loop` and `events` are borrowed.
  Redialer(Loop& loop, std::unique_ptr<ChannelGenerator> generator, RedialEvents& events);

  // The first attempt.
  void Dial();
  // The channel died, having carried traffic for so long: another attempt follows in a while. False if there will be none.
  bool Redial(const absl::Status& why, absl::Duration lived);

  // After OnBetter: the better channel is in use now; or it is not, and gone, and another one is asked for after a while, ever
  // later. One of the two, and no better one comes before, unless the channel in use dies first.
  void Move();
  void Decline();

  // True from an attempt that failed until one that does not.
  bool down() const { return !failure_.ok(); }
  const absl::Status& failure() const { return failure_; }
  // Why a call that will not wait fails while the other side is down.
  absl::Status WhyDown() const;

 private:
  void OnWaitOver();
  void Review();
  void ReviewLater();
  bool WaitForNext(const absl::Status& why, absl::Duration lived);
  void Failed(absl::Status why);

  Loop& loop_;
  const std::unique_ptr<ChannelGenerator> generator_;
  RedialEvents& events_;
  absl::Status failure_;  // of the last attempt
  bool threw_ = false;    // the generator, when it was asked: that was the last attempt
  Instant next_attempt_;
  DelayTimer<&Redialer::OnWaitOver> wait_{*this};
  struct Loss {
    absl::Duration lived;
    absl::Status why;
  };
  // The search for a better channel, where the generator may know of one.
  struct Search {
    explicit Search(Redialer& redialer) : timer(redialer) {}
    DelayTimer<&Redialer::Review> timer;
    absl::Duration least;  // since a better channel was declined
    bool asked = false;    // the generator was
    RarePtr<Loss> lost;    // meanwhile, the channel in use
  };
  RarePtr<Search> search_;  // null until the generator wants to be asked
};

}  // namespace rain
