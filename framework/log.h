// Log: the one hook through which the framework speaks. What is returned as a status is not logged too.
#pragma once

#include <functional>

#include "absl/strings/string_view.h"

namespace rain {

// How bad it is.
enum class Severity { info, warning, error };

// `where` names the part: "tcp listener tcp://127.0.0.1:80". Thread: any, several at once. Must not throw.
using LogSink = std::function<void(Severity, absl::string_view where, absl::string_view text)>;

// Replaces the sink of this process; an empty one restores the default, a line on standard error. Thread: any.
void SetLogSink(LogSink sink);

// Thread: any.
void Log(Severity severity, absl::string_view where, absl::string_view text);

}  // namespace rain
