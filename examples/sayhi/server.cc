// The serving side of sayhi, until it is interrupted.
//
//   server [transport key]
#include <signal.h>

#include <iostream>

#include "listenrain/examples/sayhi/protocol.h"

namespace {

absl::Status Serve(const rain::TransportKey& key) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  const auto protocol = sayhi::Register(**rain);
  if (!protocol.ok()) return protocol.status();
  const auto listener = (*rain)->Listen(*protocol, key, sayhi::Greeter());
  if (!listener.ok()) return listener.status();
  std::cout << "listening on " << listener->bound_key().text() << std::endl;

  int signal;
  sigwait(&ends, &signal);
  return absl::OkStatus();
}

}  // namespace

int main(int count, char** words) {
  const absl::Status ended = Serve(count > 1 ? words[1] : sayhi::kDefaultKey);
  if (ended.ok()) return 0;
  std::cerr << "server: " << ended << "\n";
  return 1;
}
