// ExploreAndTell: Explore, with its figures in the test's output.
#pragma once

#include <functional>

#include "listenrain/testing/interleaving.h"

namespace rain {

// `name` is that of the scenario. The figures are properties of the running test, too.
Exploration ExploreAndTell(const char* name, const std::function<void(Scenario&)>& set_up, const ExploreOptions& options = {});

}  // namespace rain
