#include "listenrain/framework/failover.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/loop.h"

namespace rain {
namespace {

constexpr absl::Duration kLeastReview = absl::Seconds(1);

using Done = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>;

class Failover final : public ChannelGenerator, private TurnTask {
 public:
  Failover(TransportKey key, std::vector<std::unique_ptr<ChannelGenerator>> endpoints) : key_(std::move(key)) {
    for (auto& generator : endpoints) endpoints_.push_back({std::move(generator), Instant{}, false});
  }

  void Next(Loop& home, Done done) override;
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override;
  std::optional<absl::Duration> ReviewAfter() override;
  void Declined() override { serving_ = served_before_; }
  TransportKey bound_key() const override { return key_; }

 private:
  struct Endpoint {
    std::unique_ptr<ChannelGenerator> generator;
    Instant usable_at;
    bool given_up = false;
  };

  void OnTurn() override { TryNext(); }
  void TryNext();
  void OnFailure(size_t index, const absl::Status& why, absl::Duration lived);
  void Finish(absl::StatusOr<std::unique_ptr<Channel>> outcome) { std::exchange(done_, nullptr)(std::move(outcome)); }
  // Until the earliest of the first `count` endpoints may be tried.
  std::optional<absl::Duration> EarliestOf(size_t count) const;

  const TransportKey key_;
  std::vector<Endpoint> endpoints_;
  Loop* home_ = nullptr;
  std::optional<size_t> serving_;  // whose channel is in use
  std::optional<size_t> served_before_;
  std::deque<size_t> plan_;  // to be tried, in order
  Done done_;
  std::string failures_;
  absl::StatusCode code_ = absl::StatusCode::kUnavailable;  // of the last failure
};

void Failover::Next(Loop& home, Done done) {
  home_ = &home;
  done_ = std::move(done);
  failures_.clear();
  plan_.clear();
  served_before_ = serving_;
  const size_t count = serving_.value_or(endpoints_.size());  // while one serves: those before it, if their time has come
  for (size_t i = 0; i < count; ++i) {
    const bool due = endpoints_[i].usable_at <= home.now();
    if (!endpoints_[i].given_up && (due || !serving_.has_value())) plan_.push_back(i);
  }
  std::stable_sort(plan_.begin(), plan_.end(), [&](size_t a, size_t b) {
    return std::max(endpoints_[a].usable_at, home.now()) < std::max(endpoints_[b].usable_at, home.now());
  });
  home.AtTurnEnd(*this);
}

void Failover::TryNext() {
  if (plan_.empty()) {
    return Finish(absl::Status(code_, failures_.empty() ? absl::StrCat(key_.text(), ": no endpoint is left to try") : failures_));
  }
  const size_t index = plan_.front();
  plan_.pop_front();
  const absl::Status asked = Guarded("the channel generator", [&] {
    endpoints_[index].generator->Next(*home_, [this, index](absl::StatusOr<std::unique_ptr<Channel>> channel) {
      if (channel.ok()) {
        endpoints_[index].usable_at = Instant{};
        serving_ = index;
        return Finish(std::move(channel));
      }
      OnFailure(index, channel.status(), absl::ZeroDuration());
      TryNext();
    });
    return absl::OkStatus();
  });
  if (asked.ok()) return;
  OnFailure(index, asked, absl::ZeroDuration());
  home_->AtTurnEnd(*this);
}

void Failover::OnFailure(size_t index, const absl::Status& why, absl::Duration lived) {
  Endpoint& endpoint = endpoints_[index];
  const auto wait = GuardedOrNone("the channel generator", [&] { return endpoint.generator->RetryAfter(why, lived); });
  endpoint.given_up = !wait.has_value();
  endpoint.usable_at = home_->now() + wait.value_or(absl::ZeroDuration());
  code_ = why.code();
  absl::StrAppend(&failures_, failures_.empty() ? "" : "; ", why.message());
}

std::optional<absl::Duration> Failover::EarliestOf(size_t count) const {
  std::optional<absl::Duration> earliest;
  for (size_t i = 0; i < count; ++i) {
    if (endpoints_[i].given_up) continue;
    const absl::Duration left = std::max(endpoints_[i].usable_at - home_->now(), absl::ZeroDuration());
    earliest = std::min(earliest.value_or(left), left);
  }
  return earliest;
}

std::optional<absl::Duration> Failover::RetryAfter(const absl::Status& why, absl::Duration lived) {
  if (serving_.has_value()) OnFailure(*std::exchange(serving_, std::nullopt), why, lived);
  return EarliestOf(endpoints_.size());
}

std::optional<absl::Duration> Failover::ReviewAfter() {
  const std::optional<absl::Duration> earliest = EarliestOf(serving_.value_or(0));
  return earliest.has_value() ? std::optional(std::max(*earliest, kLeastReview)) : std::nullopt;
}

}  // namespace

std::unique_ptr<ChannelGenerator> NewFailover(TransportKey key, std::vector<std::unique_ptr<ChannelGenerator>> endpoints) {
  return std::make_unique<Failover>(std::move(key), std::move(endpoints));
}

}  // namespace rain
