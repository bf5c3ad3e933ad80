// Grid: named sets of loads, each put on the same contenders in turn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "listenrain/bench/options.h"
#include "listenrain/bench/report.h"

namespace rain::bench {

struct GridRow {
  Workload workload = Workload::echo;
  size_t parallel = 0;
  size_t payload_bytes = 0;
  size_t clients = 1;
  bool in_process = false;      // whatever the base's transport is
  bool same_loop = false;       // for engines that have loops
  bool shared_payload = false;  // what a call costs is told as a multiple of the first such row's with as many calls and loops
};

// Who is measured: an engine, in one of its modes.
struct Contender {
  EngineKind engine = EngineKind::rain;
  Mode mode = Mode::callback;
  bool poll = true;   // false: it sleeps at once, however long the others poll
  bool drive = true;  // as Options::drive
};

// "small", say. Errors: INVALID_ARGUMENT naming the choices.
absl::StatusOr<std::vector<GridRow>> GridNamed(absl::string_view name);

// Who runs a grid unless told otherwise: the framework, and the yardstick that is most like it.
absl::string_view UsualContenders(absl::string_view grid);
// "rain,rain:coroutine,rain:sync:nodrive,rain:nopoll,epoll_poll": the last is the yardstick. Errors: INVALID_ARGUMENT naming what
// is wrong.
absl::StatusOr<std::vector<Contender>> ContendersNamed(absl::string_view names);
std::string NameOf(const Contender& contender);
// As it ran: "rain:coroutine, one loop".
std::string RunnerText(const Options& options);

// What a contender runs on a row: `base`, whose engine is rain, with these. Congestion control is left to the row.
Options OptionsOf(const Options& base, const GridRow& row, const Contender& contender);

struct GridResult {
  struct Row {
    GridRow load;
    std::vector<std::vector<Result>> runs;  // by contender, by repeat
  };
  std::string name;
  std::vector<Contender> contenders;
  std::vector<Row> rows;
};

// Runs everything. Within each repeat of a row all contenders run once, and each repeat begins with the next of them, so that
// none has the better of a machine that grows slower. `done` hears of each run: how many there were, of how many.
// Errors: INVALID_ARGUMENT, before anything runs, for a contender that cannot run a row; those of `run`.
absl::StatusOr<GridResult> RunGrid(absl::string_view name, const Options& base, const std::vector<Contender>& contenders,
                                   size_t repeats, absl::FunctionRef<absl::StatusOr<Result>(const Options&)> run,
                                   absl::FunctionRef<void(size_t count, size_t of, const Result&)> done);

}  // namespace rain::bench
