// Both sides of sayhi in one process, over any transport.
//
//   sayhi [transport key]
#include <iostream>

#include "listenrain/examples/sayhi/protocol.h"

namespace {

absl::Status SayHi(const rain::TransportKey& key) {
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  const auto protocol = sayhi::Register(**rain);
  if (!protocol.ok()) return protocol.status();
  const auto listener = (*rain)->Listen(*protocol, key, sayhi::Greeter());
  if (!listener.ok()) return listener.status();
  std::cout << "listening on " << listener->bound_key().text() << "\n";
  return sayhi::Greet(**rain, *protocol, listener->bound_key());
}

}  // namespace

int main(int count, char** words) {
  const absl::Status ended = SayHi(count > 1 ? words[1] : sayhi::kDefaultKey);
  if (ended.ok()) return 0;
  std::cerr << "sayhi: " << ended << "\n";
  return 1;
}
