// ServerProcess: a server in a process of its own, so that a test can kill it.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "listenrain/framework/transport_key.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {

// Echoes (echo_server.cc). Killed with its end. Thread: one at a time.
class ServerProcess {
 public:
  // Serves the key when this returns.
  explicit ServerProcess(const TransportKey& key);
  ~ServerProcess() { Kill(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // With what the system chose.
  const TransportKey& key() const { return key_; }
  // Lets it serve for so long. False if it died meanwhile.
  bool Serve(std::chrono::milliseconds time);
  // By SIGKILL: its sockets close when this returns, and nothing else is said. Idempotent.
  void Kill();

 private:
  pid_t process_ = -1;
  UniqueFd input_;   // it serves while this is open
  UniqueFd output_;  // it tells its key here
  TransportKey key_;
};

}  // namespace rain
