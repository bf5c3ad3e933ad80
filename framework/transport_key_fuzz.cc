// Transport keys, and what reads options in them.
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/framework/transport_key.h"
#include "listenrain/testing/fuzz_codecs.h"

namespace {

using rain::MustHold;
using rain::TransportKey;

void Number(const TransportKey& key, absl::string_view name, int64_t least, int64_t most, int base) {
  int64_t value = -7;
  const absl::Status status = key.ReadOption(name, least, most, value, base);
  const bool given = key.option(name).has_value();
  MustHold(status.ok() || (given && absl::IsInvalidArgument(status)), "an option that is not given is wrong");
  MustHold(value == -7 || (given && status.ok()), "an option that is not given, or wrong, has a value");
  MustHold(!given || !status.ok() || (value >= least && value <= most), "an option's value is out of its bounds");
}

void One(const TransportKey& key) {
  MustHold(!key.scheme().empty() && !key.address().empty(), "a key without scheme or address");
  // Its parts are in their places: written anew it says the same.
  const std::string& text = key.text();
  MustHold(absl::string_view(text).substr(0, key.scheme().size()) == key.scheme(), "a scheme that does not begin the key");
  std::string again = absl::StrCat(key.scheme(), text.compare(key.scheme().size(), 3, "://") == 0 ? "://" : ":", key.address());
  char separator = '?';
  constexpr int kLookedAt = 8;  // of many options
  int looked_at = 0;
  for (const auto& [name, value] : key.options()) {
    absl::StrAppend(&again, absl::string_view(&separator, 1), name, "=", value);
    separator = '&';
    if (++looked_at > kLookedAt) continue;
    MustHold(key.CheckOptions({name}).ok() == (key.options().size() == 1), "an option is known although it is not");
    for (const int base : {8, 10}) {
      Number(key, name, 0, INT64_MAX, base);
      Number(key, name, 1, 255, base);
    }
  }
  MustHold(again.size() == text.size(), "a key that is longer or shorter than its parts");
  const TransportKey reordered(again);
  MustHold(reordered.status().ok() && reordered.scheme() == key.scheme() && reordered.address() == key.address() &&
               reordered.options() == key.options(),
           "a key written anew says something else");
  Number(key, "", 0, 1, 10);
  MustHold(key.CheckOptions({}).ok() == key.options().empty(), "an option is known although none is");

  const auto backoff = rain::ParseBackoffOptions(key);
  if (backoff.ok()) {
    MustHold(backoff->first >= absl::ZeroDuration() && backoff->first <= backoff->most, "back-off begins beyond its end");
  } else {
    MustHold(absl::IsInvalidArgument(backoff.status()), "a wrong back-off is no INVALID_ARGUMENT");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const TransportKey key(absl::string_view(reinterpret_cast<const char*>(data), size));
  MustHold(key.text().size() == size, "a key that is not its text");
  if (!key.status().ok()) {
    MustHold(absl::IsInvalidArgument(key.status()), "a wrong key is no INVALID_ARGUMENT");
    MustHold(key.scheme().empty() && key.address().empty() && key.options().empty() && key.endpoints().empty(),
             "a wrong key has parts");
  } else if (key.endpoints().empty()) {
    One(key);
  } else {
    MustHold(key.scheme().empty() && key.address().empty() && key.options().empty(), "a list has parts of one key");
    for (const TransportKey& endpoint : key.endpoints()) {
      MustHold(endpoint.status().ok() && endpoint.endpoints().empty(), "an endpoint of a list is wrong");
      One(endpoint);
    }
  }
  return 0;
}
