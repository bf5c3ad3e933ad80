#include "listenrain/framework/redialer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/status.h"

namespace rain {

Redialer::Redialer(Loop& loop, std::unique_ptr<ChannelGenerator> generator, RedialEvents& events)
    : loop_(loop), generator_(std::move(generator)), events_(events), wait_(loop, [this] { Dial(); }), threw_(loop, [this] {
        events_.OnGivenUp(Fresh(failure_));
      }) {}

void Redialer::Dial() {
  absl::Status asked = Guarded("the channel generator", [this] {
    generator_->Next(loop_, [this](absl::StatusOr<std::unique_ptr<Channel>> channel) {
      if (!channel.ok()) return Failed(std::move(channel).status());
      failure_ = absl::OkStatus();
      events_.OnDialed(*std::move(channel));
    });
    return absl::OkStatus();
  });
  if (asked.ok()) return;
  failure_ = std::move(asked);
  threw_.Start(absl::ZeroDuration());  // in a later turn, so that whoever asked for the transport is told
}

bool Redialer::Redial(const absl::Status& why, absl::Duration lived) { return WaitForNext(why, lived); }

void Redialer::Failed(absl::Status why) {
  if (!WaitForNext(why, absl::ZeroDuration())) return events_.OnGivenUp(std::move(why));
  failure_ = std::move(why);
  events_.OnDialFailed(failure_);
}

bool Redialer::WaitForNext(const absl::Status& why, absl::Duration lived) {
  std::optional<absl::Duration> wait;
  GuardedAndLogged("the channel generator", [&] { wait = generator_->RetryAfter(why, lived); });
  if (!wait.has_value()) return false;
  next_attempt_ = loop_.now() + *wait;
  wait_.Start(*wait);
  return true;
}

absl::Status Redialer::WhyDown() const {
  const absl::Duration left =
      wait_.running() ? std::max(next_attempt_ - loop_.now(), absl::ZeroDuration()) : absl::ZeroDuration();
  return absl::Status(failure_.code(), absl::StrCat(failure_.message(), "; the next attempt is in ", absl::FormatDuration(left),
                                                    ": set wait_for_ready on calls that shall wait for it"));
}

}  // namespace rain
