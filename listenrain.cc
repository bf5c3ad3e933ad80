#include "listenrain/listenrain.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/transports/inproc.h"
#include "listenrain/transports/tcp.h"
#include "listenrain/transports/tls.h"
#include "listenrain/transports/unix.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

// The names of inproc:// are this process's, as ports are the machine's.
const std::shared_ptr<InprocNetwork>& ProcessNetwork() {
  static const auto& network = *new std::shared_ptr<InprocNetwork>(NewInprocNetwork());
  return network;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ListenRain>> NewListenRain(ListenRainOptions options) {
  ListenRain::Parts parts;
  parts.loops = std::move(options.loops);
  if (parts.loops.empty()) {
    if (options.loop_threads < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("loop_threads is ", options.loop_threads, ": give at least one, or loops of your own"));
    }
    for (int i = 0; i < options.loop_threads; ++i) {
      absl::StatusOr<std::shared_ptr<Loop>> loop = NewUvLoop({.poll = options.poll});
      if (!loop.ok()) return loop.status();
      parts.loops.push_back(*std::move(loop));
    }
  }
  for (const std::shared_ptr<Loop>& loop : parts.loops) {
    if (loop == nullptr) return absl::InvalidArgumentError("one of the loops is null");
  }
  parts.executor = std::move(options.executor);
  if (parts.executor == nullptr) {
    const std::shared_ptr<ThreadPool> pool = NewThreadPool();
    if (pool == nullptr) return absl::ResourceExhaustedError("the system gave no thread for an executor: see the log");
    parts.executor = pool;
    parts.await_handlers = [pool] { pool->AwaitIdle(); };
  }
  parts.buffers = options.buffers != nullptr ? std::move(options.buffers) : NewBufferPool();
  parts.packet_codec = NewLengthPrefixCodec();
  parts.schemes = std::move(options.schemes);
  parts.schemes.push_back(NewTcpScheme());
  parts.schemes.push_back(NewTlsScheme());
  parts.schemes.push_back(NewUnixScheme());
  parts.schemes.push_back(NewInprocScheme(ProcessNetwork()));
  parts.observer = std::move(options.observer);
  return std::make_unique<ListenRain>(std::move(parts));
}

absl::StatusOr<Protocol<Message>> RegisterMessages(ListenRain& rain, absl::string_view name) {
  ProtocolSpec<Message> spec;
  spec.name = std::string(name);
  spec.message_codec = NewCompactCodec();
  return rain.Register(std::move(spec));
}

}  // namespace rain
