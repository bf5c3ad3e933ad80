#include "listenrain/bench/engine.h"

namespace rain::bench {

absl::StatusOr<std::unique_ptr<Engine>> NewRainEngine(const Options&) {
  return absl::UnimplementedError("--engine=rain: the framework is not linked into this build; use --engine=epoll or uv");
}

}  // namespace rain::bench
