#include "listenrain/bench/grid.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace rain::bench {
namespace {

constexpr size_t kKiB = 1 << 10;
constexpr size_t kMiB = 1 << 20;
constexpr absl::string_view kNoPoll = "nopoll";
constexpr absl::string_view kNoDrive = "nodrive";

struct Grid {
  absl::string_view name;
  std::vector<GridRow> rows;
  absl::string_view contenders = "rain,epoll_poll";  // unless told otherwise
};

constexpr GridRow InProcess(size_t parallel, size_t payload_bytes) {
  return {.parallel = parallel, .payload_bytes = payload_bytes, .in_process = true};
}
constexpr GridRow OfClients(size_t clients, size_t parallel, size_t payload_bytes) {
  return {.parallel = parallel, .payload_bytes = payload_bytes, .clients = clients};
}
constexpr GridRow OnOneLoop(GridRow row) {
  row.same_loop = true;
  return row;
}
constexpr GridRow ByReference(GridRow row) {
  row.shared_payload = true;
  return row;
}

const std::vector<Grid>& Grids() {
  static const auto* const grids = new std::vector<Grid>{
      {"small", {{Workload::echo, 1, 110}, {Workload::echo, 64, 110}, {Workload::echo, 1000, 110}, {Workload::echo, 100, 581}}},
      {"listenrain",
       {{Workload::echo, 1, 4 * kKiB},
        {Workload::echo, 4, 4 * kKiB},
        {Workload::echo, 16, 4 * kKiB},
        {Workload::echo, 1, 32 * kKiB},
        {Workload::echo, 4, 32 * kKiB},
        {Workload::echo, 16, 32 * kKiB},
        {Workload::echo, 1, 256 * kKiB},
        {Workload::echo, 4, 256 * kKiB},
        {Workload::echo, 16, 256 * kKiB},
        {Workload::echo, 1, 4 * kMiB},
        {Workload::echo, 4, 4 * kMiB}}},
      {"connections",
       {{Workload::connections, 1000, kKiB},
        {Workload::connections, 4000, kKiB},
        {Workload::connections, 8192, kKiB},
        {Workload::connections, 12'000, kKiB}}},
      {"oneway", {{Workload::oneway, 1, 110}, {Workload::oneway, 1, 581}, {Workload::oneway, 1, 4 * kKiB}}},
      {"inproc",
       {OnOneLoop(InProcess(1, 110)), InProcess(64, 110), ByReference(InProcess(1, 64)), ByReference(InProcess(1, 4 * kMiB)),
        OnOneLoop(ByReference(InProcess(1, 64))), OnOneLoop(ByReference(InProcess(1, 4 * kMiB)))},
       "rain,ring"},
      {"crowd",
       {OfClients(4, 1, 110), OfClients(4, 64, 110), OfClients(4, 1, 4 * kKiB), OfClients(4, 16, 4 * kKiB)},
       "rain,rain:nopoll"},
      {"blocking",
       {{Workload::echo, 1, 110}, {Workload::echo, 1, 4 * kKiB}, {Workload::echo, 4, 4 * kKiB}, {Workload::echo, 16, 4 * kKiB}},
       "rain:sync,rain:sync:nodrive"},
  };
  return *grids;
}

// Null if there is none.
const Grid* Find(absl::string_view name) {
  for (const Grid& grid : Grids()) {
    if (grid.name == name) return &grid;
  }
  return nullptr;
}

absl::StatusOr<Contender> ContenderNamed(absl::string_view name) {
  const std::vector<absl::string_view> words = absl::StrSplit(name, ':');
  const absl::StatusOr<EngineKind> engine = EngineNamed(words.front());
  if (!engine.ok()) return absl::InvalidArgumentError(absl::StrCat("--contenders: ", engine.status().message()));
  Contender contender{*engine};
  for (const absl::string_view word : absl::MakeSpan(words).subspan(1)) {
    if (word == kNoPoll && Polls(*engine)) {
      contender.poll = false;
    } else if (word == kNoDrive) {
      contender.drive = false;
    } else if (const absl::StatusOr<Mode> mode = ModeNamed(word); mode.ok()) {
      contender.mode = *mode;
    } else {
      return absl::InvalidArgumentError(absl::StrCat("--contenders: ", mode.status().message(), ", ", kNoPoll, ", ", kNoDrive));
    }
  }
  return contender;
}

absl::Status CheckAll(const Options& base, const std::vector<GridRow>& rows, const std::vector<Contender>& contenders) {
  for (const GridRow& row : rows) {
    for (const Contender& contender : contenders) {
      if (absl::Status fit = Check(OptionsOf(base, row, contender)); !fit.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(NameOf(contender), " on ", NameOf(row.workload), ", ", row.parallel, " x ",
                                                       row.payload_bytes, ": ", fit.message()));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<GridRow>> GridNamed(absl::string_view name) {
  if (const Grid* grid = Find(name); grid != nullptr) return grid->rows;
  const auto append_name = [](std::string* out, const Grid& grid) { absl::StrAppend(out, grid.name); };
  return absl::InvalidArgumentError(absl::StrCat("grid ", name, ": must be one of ", absl::StrJoin(Grids(), ", ", append_name)));
}

absl::string_view UsualContenders(absl::string_view grid) {
  const Grid* known = Find(grid);
  return known != nullptr ? known->contenders : Grid().contenders;  // the run tells that there is no such grid
}

absl::StatusOr<std::vector<Contender>> ContendersNamed(absl::string_view names) {
  std::vector<Contender> contenders;
  for (const absl::string_view name : absl::StrSplit(names, ',')) {
    const absl::StatusOr<Contender> contender = ContenderNamed(name);
    if (!contender.ok()) return contender.status();
    contenders.push_back(*contender);
  }
  return contenders;
}

std::string NameOf(const Contender& contender) {
  std::string name(NameOf(contender.engine));
  if (contender.mode != Mode::callback) absl::StrAppend(&name, ":", NameOf(contender.mode));
  if (!contender.poll) absl::StrAppend(&name, ":", kNoPoll);
  if (!contender.drive) absl::StrAppend(&name, ":", kNoDrive);
  return name;
}

std::string RunnerText(const Options& options) {
  const bool poll = !Polls(options.engine) || options.poll > absl::ZeroDuration();
  return absl::StrCat(NameOf(Contender{options.engine, options.mode, poll, options.drive}),
                      options.same_loop ? ", one loop" : "");
}

Options OptionsOf(const Options& base, const GridRow& row, const Contender& contender) {
  Options options = contender.engine == EngineKind::rain ? base : RawTwinOf(base, contender.engine);
  options.mode = contender.mode;
  options.drive = contender.drive;
  if (!contender.poll) options.poll = absl::ZeroDuration();
  options.workload = row.workload;
  options.parallel = row.parallel;
  options.payload_bytes = row.payload_bytes;
  options.clients = row.clients;
  if (row.in_process) options.carrier = Carrier::inproc;
  if (row.same_loop && contender.engine == EngineKind::rain) options.same_loop = true;
  if (row.shared_payload) options.shared_payload = true;
  return options;
}

absl::StatusOr<GridResult> RunGrid(absl::string_view name, const Options& base, const std::vector<Contender>& contenders,
                                   size_t repeats, absl::FunctionRef<absl::StatusOr<Result>(const Options&)> run,
                                   absl::FunctionRef<void(size_t count, size_t of, const Result&)> done) {
  const absl::StatusOr<std::vector<GridRow>> rows = GridNamed(name);
  if (!rows.ok()) return rows.status();
  if (repeats < 1) return absl::InvalidArgumentError("--repeats must be at least 1");
  if (absl::Status fit = CheckAll(base, *rows, contenders); !fit.ok()) return fit;
  GridResult result{std::string(name), contenders, {}};
  size_t count = 0;
  for (const GridRow& load : *rows) {
    GridResult::Row& row = result.rows.emplace_back(GridResult::Row{load, {}});
    row.runs.resize(contenders.size());
    for (size_t repeat = 0; repeat < repeats; ++repeat) {
      for (size_t turn = 0; turn < contenders.size(); ++turn) {
        const size_t contender = (repeat + turn) % contenders.size();
        absl::StatusOr<Result> one = run(OptionsOf(base, load, contenders[contender]));
        if (!one.ok()) return one.status();
        done(++count, rows->size() * repeats * contenders.size(), *one);
        row.runs[contender].push_back(*std::move(one));
      }
    }
  }
  return result;
}

}  // namespace rain::bench
