// Atomic: std::atomic. Where RAIN_INTERLEAVED is defined, one that lets tests run every order of the threads' steps.
#pragma once

#include <atomic>

#ifdef RAIN_INTERLEAVED
#include "listenrain/framework/interleaved.h"
#endif

namespace rain {

#ifdef RAIN_INTERLEAVED
template <class T>
using Atomic = interleaved::Atomic<T>;
#else
template <class T>
using Atomic = std::atomic<T>;
#endif

}  // namespace rain
