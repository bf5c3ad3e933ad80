// How results of runs are told: one JSON object a run, or lines to be read by people.
#pragma once

#include <string>
#include <vector>

#include "listenrain/bench/meter.h"
#include "listenrain/bench/options.h"

namespace rain::bench {

struct Result {
  Options options;
  Figures figures;
};

// One line, without its end.
std::string ToJson(const Result& result);
// A few lines.
std::string ToText(const Result& result);

// Two engines under the same load, measured in turns: one ratio for each pair, for only they mean something on a noisy machine.
struct Comparison {
  std::vector<Result> subject;
  std::vector<Result> yardstick;  // of the same length, at least one

  // Calls per second of the subject over the yardstick's, pair by pair.
  std::vector<double> Ratios() const;
  double MedianRatio() const;
};

std::string ToJson(const Comparison& comparison);
std::string ToText(const Comparison& comparison);

// A table's lines.
std::string TableTitle(const Options& options);
std::string TableHead();
std::string TableRow(const Result& result);

}  // namespace rain::bench
