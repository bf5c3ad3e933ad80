// Clients: processes that measure beside each other, and what they measured together.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "listenrain/bench/descriptor.h"
#include "listenrain/bench/meter.h"
#include "listenrain/bench/process.h"

namespace rain::bench {

// A process that measures and tells its figures to the one that started it. Thread: as ChildProcess.
class Client {
 public:
  // Forks, so no other thread may exist yet.
  static absl::StatusOr<Client> Start(absl::FunctionRef<absl::StatusOr<Figures>()> measure);

  // Blocks until it has ended. Once. Errors: its own; DATA_LOSS if it ended without a word.
  absl::StatusOr<Figures> Finish();

 private:
  Client(ChildProcess process, Descriptor told) : process_(std::move(process)), told_(std::move(told)) {}

  ChildProcess process_;
  Descriptor told_;
};

// Of clients that called one server at the same time, at least one: their speeds are added; latency and memory are those of the
// client that fared worst.
Figures Together(absl::Span<const Figures> clients);

}  // namespace rain::bench
