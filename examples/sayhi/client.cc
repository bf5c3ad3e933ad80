// The asking side of sayhi.
//
//   client [transport key]
#include <iostream>

#include "listenrain/examples/sayhi/protocol.h"

namespace {

absl::Status Ask(const rain::TransportKey& key) {
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  const auto protocol = sayhi::Register(**rain);
  if (!protocol.ok()) return protocol.status();
  return sayhi::Greet(**rain, *protocol, key);
}

}  // namespace

int main(int count, char** words) {
  const absl::Status ended = Ask(count > 1 ? words[1] : sayhi::kDefaultKey);
  if (ended.ok()) return 0;
  std::cerr << "client: " << ended << "\n";
  return 1;
}
