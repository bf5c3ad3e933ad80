#include "listenrain/framework/redialer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/status.h"

namespace rain {
namespace {

constexpr absl::Duration kFirstReviewAgain = absl::Seconds(2);
constexpr absl::Duration kLastReviewAgain = absl::Minutes(1);

}  // namespace

Redialer::Redialer(Loop& loop, std::unique_ptr<ChannelGenerator> generator, RedialEvents& events)
    : loop_(loop), generator_(std::move(generator)), events_(events) {}

void Redialer::OnWaitOver() {
  if (threw_) return events_.OnGivenUp(Fresh(failure_));
  if (events_.OnAttemptDue()) Dial();
}

void Redialer::Dial() {
  absl::Status asked = Guarded("the channel generator", [this] {
    generator_->Next(loop_, [this](absl::StatusOr<std::unique_ptr<Channel>> channel) {
      if (!channel.ok()) return Failed(std::move(channel).status());
      failure_ = absl::OkStatus();
      ReviewLater();
      events_.OnDialed(*std::move(channel));
    });
    return absl::OkStatus();
  });
  if (asked.ok()) return;
  failure_ = std::move(asked);
  threw_ = true;
  next_attempt_ = loop_.now();
  wait_.Start(loop_, absl::ZeroDuration());  // in a later turn, so that whoever asked for the transport is told
}

bool Redialer::Redial(const absl::Status& why, absl::Duration lived) {
  if (search_ == nullptr) return WaitForNext(why, lived);
  search_->timer.Stop();
  search_->least = absl::ZeroDuration();
  if (!search_->asked) return WaitForNext(why, lived);
  search_->lost = MakeRare<Loss>(Loss{lived, Fresh(why)});  // the generator answers one question at a time
  return true;
}

void Redialer::ReviewLater() {
  const auto after = GuardedOrNone("the channel generator", [&] { return generator_->ReviewAfter(); });
  if (!after.has_value()) return;
  if (search_ == nullptr) search_ = MakeRare<Search>(*this);
  search_->timer.Start(loop_, std::max(*after, search_->least));
}

void Redialer::Decline() {
  GuardedAndLogged("the channel generator", [&] { generator_->Declined(); });
  search_->least = std::clamp(search_->least * 2, kFirstReviewAgain, kLastReviewAgain);
  ReviewLater();
}

void Redialer::Move() {
  search_->least = absl::ZeroDuration();
  ReviewLater();
}

void Redialer::Review() {
  search_->asked = true;
  const auto answered = [this](absl::StatusOr<std::unique_ptr<Channel>> channel) {
    search_->asked = false;
    const RarePtr<Loss> lost = std::move(search_->lost);
    if (channel.ok() && lost == nullptr) return events_.OnBetter(*std::move(channel));
    if (channel.ok()) {
      ReviewLater();
      return events_.OnDialed(*std::move(channel));
    }
    if (lost == nullptr) return ReviewLater();
    if (!WaitForNext(lost->why, lost->lived)) events_.OnGivenUp(std::move(lost->why));
  };
  const bool asked = GuardedOrNone("the channel generator", [&] {
    generator_->Next(loop_, answered);
    return true;
  });
  if (asked) return;
  search_->asked = false;
  ReviewLater();
}

void Redialer::Failed(absl::Status why) {
  if (!WaitForNext(why, absl::ZeroDuration())) return events_.OnGivenUp(std::move(why));
  failure_ = Fresh(why);
  events_.OnDialFailed(why);
}

bool Redialer::WaitForNext(const absl::Status& why, absl::Duration lived) {
  const auto wait = GuardedOrNone("the channel generator", [&] { return generator_->RetryAfter(why, lived); });
  if (!wait.has_value()) return false;
  next_attempt_ = loop_.now() + *wait;
  wait_.Start(loop_, *wait);
  return true;
}

absl::Status Redialer::WhyDown() const {
  const absl::Duration left =
      wait_.running() ? std::max(next_attempt_ - loop_.now(), absl::ZeroDuration()) : absl::ZeroDuration();
  return absl::Status(failure_.code(), absl::StrCat(failure_.message(), "; the next attempt is in ",
                                                    absl::FormatDuration(absl::Ceil(left, absl::Milliseconds(10))),
                                                    ": set wait_for_ready on calls that shall wait for it"));
}

}  // namespace rain
