#include "listenrain/executors/task_ring.h"

#include <exception>

#include "listenrain/framework/log.h"

namespace rain {

void RunTask(Job task, absl::string_view where) {
  try {
    std::move(task)();
  } catch (const std::exception& thrown) {
    Log(Severity::error, where, thrown.what());
  } catch (...) {
    Log(Severity::error, where, "a task threw what is no std::exception");
  }
}

}  // namespace rain
