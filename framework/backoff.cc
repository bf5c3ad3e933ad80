#include "listenrain/framework/backoff.h"

#include <algorithm>
#include <utility>

namespace rain {

absl::StatusOr<BackoffOptions> ParseBackoffOptions(const TransportKey& key) {
  constexpr int64_t kDay = int64_t{24} * 60 * 60 * 1000;
  BackoffOptions options;
  int64_t first = absl::ToInt64Milliseconds(options.first);
  int64_t most = absl::ToInt64Milliseconds(options.most);
  absl::Status status = key.ReadOption("backoff", 1, kDay, first);
  if (status.ok()) status = key.ReadOption("backoff_max", 1, kDay, most);
  if (!status.ok()) return status;
  options.first = absl::Milliseconds(first);
  options.most = absl::Milliseconds(std::max(most, first));
  return options;
}

std::optional<absl::Duration> Backoff::RetryAfter(Loop& loop, const absl::Status& why, absl::Duration lived) {
  switch (why.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kPermissionDenied:
      if (lived == absl::ZeroDuration()) return std::nullopt;
      break;
    default:
      break;
  }
  if (lived >= options_.healthy) ceiling_ = options_.first;
  const absl::Duration ceiling = std::exchange(ceiling_, std::min(ceiling_ * 2, options_.most));
  constexpr int kBits = 32;
  const auto share = static_cast<double>(loop.Random() >> (64 - kBits)) / static_cast<double>(uint64_t{1} << kBits);
  return ceiling * share;
}

}  // namespace rain
