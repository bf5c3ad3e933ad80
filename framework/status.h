// What a failed call's status carries beside code and text: how much of the request was sent, and whose failure it is.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rain {

// How many of the request's bytes the channel had taken when it ended. Also unknown while they were on their way to it: they go
// out, whatever became of the request. None: it was not sent, and will not be.
enum class BytesSent { unknown, none, part, all };

// Who decided the outcome: this process, or the peer by an error reply.
enum class Origin { unknown, local, peer };

// Thread: any. Annotations of an OK status are ignored.
absl::Status WithBytesSent(absl::Status status, BytesSent sent);
BytesSent BytesSentOf(const absl::Status& status);
absl::Status WithOrigin(absl::Status status, Origin origin);
Origin OriginOf(const absl::Status& status);

// An optional machine-readable addition to the text, carried on the native wires.
absl::Status WithDetail(absl::Status status, absl::string_view detail);
std::string DetailOf(const absl::Status& status);

// A deep copy, sharing nothing with `status`: each outcome gets its own, and statuses only ever move between threads.
absl::Status Fresh(const absl::Status& status);

// "tcp://127.0.0.1:80: connection refused": the same status, with where it happened in front, unless it is there already.
absl::Status At(absl::string_view where, const absl::Status& status);

}  // namespace rain
