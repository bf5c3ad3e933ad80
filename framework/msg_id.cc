#include "listenrain/framework/msg_id.h"

#include "absl/strings/escaping.h"

namespace rain {

std::string ToString(const MsgId& id) {
  if (id.empty()) return "none";
  return id.is_integer() ? absl::StrCat(id.integer()) : absl::CHexEscape(id.bytes());
}

}  // namespace rain
