// ScriptedNetwork: generators whose every answer a test has written down, or gives when it likes. The scheme's name is
// "scripted".
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/testing/scripted_channel.h"

namespace rain {

class ScriptedGenerator;

// One side's answers, in order; a Next beyond them waits for one. Thread: loop.
class ScriptedAnswers {
 public:
  void Connect(std::shared_ptr<ScriptedPeer> peer) { Add(std::move(peer)); }
  void Fail(absl::Status why) { Add(std::move(why)); }
  // How often Next was called, and how many of these calls wait.
  int asked() const { return asked_; }
  size_t waiting() const { return waiting_.size(); }

  std::optional<absl::Duration> retry_after;   // what RetryAfter says
  std::optional<absl::Duration> review_after;  // what ReviewAfter says

 private:
  friend class ScriptedGenerator;
  void Add(absl::StatusOr<std::shared_ptr<ScriptedPeer>> answer);
  void Match();

  int asked_ = 0;
  std::deque<absl::StatusOr<std::shared_ptr<ScriptedPeer>>> answers_;
  std::deque<ScriptedGenerator*> waiting_;
};

// Made by a test, shared with the scheme and its generators. Thread: loop.
struct ScriptedNetwork {
  ScriptedAnswers dials;
  ScriptedAnswers accepts;
};

// Every key of the scheme leads to this network; it has no options.
TransportScheme NewScriptedScheme(std::shared_ptr<ScriptedNetwork> network);

}  // namespace rain
