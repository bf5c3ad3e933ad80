// Token: the engine's own name of a request: a slot and how often it was used before. Never 0.
#pragma once

#include <cstdint>

namespace rain {

using Token = uint64_t;

}  // namespace rain
