// What a key may make of each scheme's dialer, and of listeners that take nothing from the system: their options' parsers.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "listenrain/testing/fuzz_codecs.h"
#include "listenrain/transports/inproc.h"
#include "listenrain/transports/tcp.h"
#include "listenrain/transports/tls.h"
#include "listenrain/transports/unix.h"

namespace {

using rain::MustHold;
using rain::TransportKey;
using rain::TransportScheme;

// These name files, which a fuzzer shall not open; a TLS dialer that verifies, as it does by default, reads the system's.
bool ReadsFiles(const TransportKey& key) {
  const auto has = [&key](const char* option) { return key.option(option).has_value(); };
  if (has("cert") || has("key") || has("ca")) return true;
  return key.scheme() == "tls" && (!has("verify") || absl::EndsWith(*key.option("verify"), "1"));
}

void Make(const TransportScheme::Factory& make, const TransportKey& key) {
  const auto generator = make(key);
  if (generator.ok()) {
    MustHold(*generator != nullptr && (*generator)->bound_key().scheme() == key.scheme(),
             "a generator is bound to another scheme");
  } else {
    MustHold(!generator.status().message().empty(), "an error that says nothing");
    MustHold(absl::IsInvalidArgument(generator.status()) || absl::IsPermissionDenied(generator.status()),
             "a wrong key is no INVALID_ARGUMENT");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& schemes = *new std::vector<TransportScheme>{rain::NewTcpScheme(), rain::NewUnixScheme(),
                                                                 rain::NewInprocScheme(), rain::NewTlsScheme()};
  const TransportKey key(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!key.status().ok() || !key.endpoints().empty() || ReadsFiles(key)) return 0;
  for (const TransportScheme& scheme : schemes) {
    if (scheme.name != key.scheme()) continue;
    Make(scheme.dial, key);
    if (scheme.name == "inproc") Make(scheme.listen, key);
    if (scheme.name == "tls") MustHold(!scheme.listen(key).ok(), "a TLS listener without a certificate");
  }
  return 0;
}
