#include "listenrain/testing/scripted_scheme.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace rain {

class ScriptedGenerator final : public ChannelGenerator {
 public:
  ScriptedGenerator(std::shared_ptr<ScriptedNetwork> network, ScriptedAnswers& answers, TransportKey key)
      : network_(std::move(network)), answers_(answers), key_(std::move(key)) {}
  ~ScriptedGenerator() override {
    auto& waiting = answers_.waiting_;
    waiting.erase(std::remove(waiting.begin(), waiting.end(), this), waiting.end());
  }

  void Next(Loop& home, absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&> done) override {
    assert(done_ == nullptr);
    home_ = &home;
    done_ = std::move(done);
    ++answers_.asked_;
    answers_.waiting_.push_back(this);
    answers_.Match();
  }
  std::optional<absl::Duration> ReviewAfter() override { return answers_.review_after; }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return answers_.retry_after; }
  TransportKey bound_key() const override { return key_; }

  void Answer(absl::StatusOr<std::shared_ptr<ScriptedPeer>> answer) {
    answer_ = std::move(answer);
    home_->Run([this, alive = std::weak_ptr<int>(alive_)] {
      if (!alive.expired()) Tell();
    });
  }

 private:
  void Tell() {
    auto done = std::exchange(done_, nullptr);
    absl::StatusOr<std::shared_ptr<ScriptedPeer>> answer = std::move(answer_);
    if (!answer.ok()) return std::move(done)(std::move(answer).status());
    std::move(done)(NewScriptedChannel(*std::move(answer), key_.text()));
  }

  const std::shared_ptr<ScriptedNetwork> network_;
  ScriptedAnswers& answers_;
  const TransportKey key_;
  Loop* home_ = nullptr;
  absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&> done_;
  absl::StatusOr<std::shared_ptr<ScriptedPeer>> answer_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>();
};

void ScriptedAnswers::Add(absl::StatusOr<std::shared_ptr<ScriptedPeer>> answer) {
  answers_.push_back(std::move(answer));
  Match();
}

void ScriptedAnswers::Match() {
  while (!answers_.empty() && !waiting_.empty()) {
    ScriptedGenerator* const generator = waiting_.front();
    auto answer = std::move(answers_.front());
    waiting_.pop_front();
    answers_.pop_front();
    generator->Answer(std::move(answer));
  }
}

TransportScheme NewScriptedScheme(std::shared_ptr<ScriptedNetwork> network) {
  const auto factory = [network](ScriptedAnswers& answers) {
    return [network, &answers](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
      absl::Status status = key.status();
      if (status.ok()) status = key.CheckOptions({});
      if (!status.ok()) return status;
      return std::make_unique<ScriptedGenerator>(network, answers, key);
    };
  };
  return {"scripted", factory(network->dials), factory(network->accepts)};
}

}  // namespace rain
