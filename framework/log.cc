#include "listenrain/framework/log.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "listenrain/framework/mutex.h"

namespace rain {
namespace {

struct SinkSlot {
  Mutex mutex;
  std::shared_ptr<const LogSink> sink ABSL_GUARDED_BY(mutex);
};

// Never destroyed: threads may log until the process ends.
SinkSlot& Slot() {
  static auto& slot = *new SinkSlot;
  return slot;
}

const char* NameOf(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

}  // namespace

void SetLogSink(LogSink sink) {
  auto fresh = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  SinkSlot& slot = Slot();
  MutexLock lock(slot.mutex);
  slot.sink.swap(fresh);
}

void Log(Severity severity, absl::string_view where, absl::string_view text) {
  std::shared_ptr<const LogSink> sink;
  {
    SinkSlot& slot = Slot();
    MutexLock lock(slot.mutex);
    sink = slot.sink;
  }
  if (sink != nullptr) return (*sink)(severity, where, text);
  std::fprintf(stderr, "listenrain %s: %.*s: %.*s\n", NameOf(severity), static_cast<int>(where.size()), where.data(),
               static_cast<int>(text.size()), text.data());
}

}  // namespace rain
