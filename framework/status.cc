#include "listenrain/framework/status.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace rain {
namespace {

constexpr absl::string_view kSentUrl = "listenrain/bytes_sent";
constexpr absl::string_view kOriginUrl = "listenrain/origin";
constexpr absl::string_view kDetailUrl = "listenrain/detail";

absl::Status WithNumber(absl::Status status, absl::string_view url, int number) {
  if (!status.ok()) status.SetPayload(url, absl::Cord(absl::string_view(std::string(1, static_cast<char>(number)))));
  return status;
}

int NumberOf(const absl::Status& status, absl::string_view url) {
  const auto payload = status.GetPayload(url);
  return payload.has_value() && payload->size() == 1 ? static_cast<int>(*payload->char_begin()) : 0;
}

absl::Status Rebuild(const absl::Status& status, absl::string_view text) {
  absl::Status copy(status.code(), text);
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    copy.SetPayload(url, absl::Cord(absl::string_view(std::string(payload))));
  });
  return copy;
}

}  // namespace

absl::Status WithBytesSent(absl::Status status, BytesSent sent) {
  return WithNumber(std::move(status), kSentUrl, static_cast<int>(sent));
}
BytesSent BytesSentOf(const absl::Status& status) { return static_cast<BytesSent>(NumberOf(status, kSentUrl)); }

absl::Status WithOrigin(absl::Status status, Origin origin) {
  return WithNumber(std::move(status), kOriginUrl, static_cast<int>(origin));
}
Origin OriginOf(const absl::Status& status) { return static_cast<Origin>(NumberOf(status, kOriginUrl)); }

absl::Status WithDetail(absl::Status status, absl::string_view detail) {
  if (!status.ok() && !detail.empty()) status.SetPayload(kDetailUrl, absl::Cord(detail));
  return status;
}
std::string DetailOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kDetailUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

absl::Status Fresh(const absl::Status& status) { return Rebuild(status, status.message()); }

absl::Status At(absl::string_view where, const absl::Status& status) {
  return Rebuild(status, absl::StrCat(where, ": ", status.message()));
}

}  // namespace rain
