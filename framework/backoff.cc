#include "listenrain/framework/backoff.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace rain {
namespace {

absl::Status ReadMilliseconds(const TransportKey& key, const char* name, absl::Duration& value) {
  const auto option = key.options().find(name);
  if (option == key.options().end()) return absl::OkStatus();
  constexpr int64_t kDay = int64_t{24} * 60 * 60 * 1000;
  int64_t number = 0;
  if (!absl::SimpleAtoi(option->second, &number) || number < 1 || number > kDay) {
    return absl::InvalidArgumentError(absl::StrCat("transport key \"", key.text(), "\": option ", name, " is \"", option->second,
                                                   "\"; it takes milliseconds, from 1 to ", kDay));
  }
  value = absl::Milliseconds(number);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BackoffOptions> ParseBackoffOptions(const TransportKey& key) {
  BackoffOptions options;
  absl::Status status = ReadMilliseconds(key, "backoff", options.first);
  if (status.ok()) status = ReadMilliseconds(key, "backoff_max", options.most);
  if (!status.ok()) return status;
  options.most = std::max(options.most, options.first);
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
