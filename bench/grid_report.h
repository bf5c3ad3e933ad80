// How a grid's results are told: a Markdown table for people, or one JSON object with every run.
#pragma once

#include <string>

#include "listenrain/bench/grid.h"

namespace rain::bench {

// A line for each load and contender, over all repeats: the median speed with least and most, the ratio of its median to the
// yardstick's, the median of the ratios of runs in the same repeat, and the medians of the rest. Where rows share a payload: what
// a call costs, by the medians, as a multiple of what it costs with the first of them.
std::string ToMarkdown(const GridResult& result);
// One line, without its end.
std::string ToJson(const GridResult& result);

}  // namespace rain::bench
