#include <string>

#include "absl/strings/str_cat.h"
#include "listenrain/testing/fuzz_codecs.h"
#include "listenrain/transports/socket_address.h"

namespace {

using rain::MustHold;

// What an address reads as leads to that address.
void ReadBack(const rain::SocketAddress& address) {
  const std::string text = rain::InternetAddressText(address);
  const auto at = rain::ParseHostPort(text);
  MustHold(at.ok(), "an address's text is no address");
  const auto again = rain::KnownAddresses(*at);
  MustHold(again.size() == 1, "an address's text is not numeric");
  MustHold(rain::InternetAddressText(again.front()) == text, "an address reads as another one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto at = rain::ParseHostPort(text);
  if (!at.ok()) {
    MustHold(absl::IsInvalidArgument(at.status()), "a wrong address is no INVALID_ARGUMENT");
    return 0;
  }
  MustHold(!at->host.empty() && at->host.size() < text.size(), "a host that is none");
  const bool colons = at->host.find(':') != std::string::npos;
  MustHold(!colons || text.front() == '[', "an IPv6 address without brackets");
  const std::string again =
      text.front() == '[' ? absl::StrCat("[", at->host, "]:", at->port) : absl::StrCat(at->host, ":", at->port);
  const auto twice = rain::ParseHostPort(again);
  MustHold(twice.ok() && twice->host == at->host && twice->port == at->port, "an address written anew is another one");
  for (const rain::SocketAddress& address : rain::KnownAddresses(*at)) {
    MustHold(address.size > 0 && address.size <= sizeof(address.storage), "an address of no size");
    ReadBack(address);
  }
  return 0;
}
