// Runs the micro benchmarks of a folder. Exits with 1 if one of them met an error, so that none can rot unseen.
#include <benchmark/benchmark.h>

#include <vector>

namespace {

class Reporter final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) failed_ |= run.error_occurred;
    any_ |= !runs.empty();
    ConsoleReporter::ReportRuns(runs);
  }
  bool ok() const { return any_ && !failed_; }

 private:
  bool any_ = false;
  bool failed_ = false;
};

}  // namespace

int main(int count, char** words) {
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 1;
  Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::Shutdown();
  return reporter.ok() ? 0 : 1;
}
