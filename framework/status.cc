#include "listenrain/framework/status.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rain {
namespace {

constexpr absl::string_view kSentUrl = "listenrain/bytes_sent";
constexpr absl::string_view kOriginUrl = "listenrain/origin";
constexpr absl::string_view kDetailUrl = "listenrain/detail";

// As they are printed. The first of each is for what is not said.
constexpr std::array<absl::string_view, 4> kSentWords = {"unknown", "none", "part", "all"};
constexpr std::array<absl::string_view, 3> kOriginWords = {"unknown", "local", "peer"};

template <size_t kWords>
absl::Status WithWord(absl::Status status, absl::string_view url, const std::array<absl::string_view, kWords>& words, int index) {
  if (!status.ok()) status.SetPayload(url, absl::Cord(words[static_cast<size_t>(index)]));
  return status;
}

template <size_t kWords>
int WordOf(const absl::Status& status, absl::string_view url, const std::array<absl::string_view, kWords>& words) {
  const auto payload = status.GetPayload(url);
  if (!payload.has_value()) return 0;
  const auto found = std::find(words.begin(), words.end(), absl::string_view(std::string(*payload)));
  return found == words.end() ? 0 : static_cast<int>(found - words.begin());
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
  return WithWord(std::move(status), kSentUrl, kSentWords, static_cast<int>(sent));
}
BytesSent BytesSentOf(const absl::Status& status) { return static_cast<BytesSent>(WordOf(status, kSentUrl, kSentWords)); }

absl::Status WithOrigin(absl::Status status, Origin origin) {
  return WithWord(std::move(status), kOriginUrl, kOriginWords, static_cast<int>(origin));
}
Origin OriginOf(const absl::Status& status) { return static_cast<Origin>(WordOf(status, kOriginUrl, kOriginWords)); }

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
  if (absl::StartsWith(status.message(), absl::StrCat(where, ": "))) return Fresh(status);
  return Rebuild(status, absl::StrCat(where, ": ", status.message()));
}

}  // namespace rain
