#include "listenrain/framework/router.h"

#include "absl/strings/escaping.h"

namespace rain {

std::string ToString(const Route& route) {
  if (const auto* method = std::get_if<int64_t>(&route)) return absl::StrCat("method ", *method);
  if (const auto* command = std::get_if<absl::string_view>(&route))
    return absl::StrCat("command \"", absl::CHexEscape(*command), "\"");
  return "messages without a method";
}

}  // namespace rain
