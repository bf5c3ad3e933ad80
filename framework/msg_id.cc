#include "listenrain/framework/msg_id.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace rain {
namespace {

constexpr size_t kUuidBytes = 16;

}  // namespace

std::string ToString(const MsgId& id) {
  if (id.empty()) return "none";
  if (id.is_integer()) return absl::StrCat(id.integer());
  const absl::string_view bytes = id.bytes();
  if (bytes.size() != kUuidBytes || std::all_of(bytes.begin(), bytes.end(), absl::ascii_isprint)) return absl::CHexEscape(bytes);
  const std::string hex = absl::BytesToHexString(bytes);
  const absl::string_view text = hex;
  return absl::StrCat(text.substr(0, 8), "-", text.substr(8, 4), "-", text.substr(12, 4), "-", text.substr(16, 4), "-",
                      text.substr(20));
}

}  // namespace rain
