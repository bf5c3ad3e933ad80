// A server to be killed: echoes what it is asked on the key given, tells the key it was bound to, and serves until its standard
// input ends.
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "listenrain/listenrain.h"

int main(int count, char** values) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s KEY\n", values[0]);
    return 2;
  }
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return std::fprintf(stderr, "%s\n", rain.status().ToString().c_str()), 1;
  const auto messages = rain::RegisterMessages(**rain);
  rain::Router<rain::Message> router;
  router.Otherwise([](rain::Message message, rain::CallContext, rain::Responder<rain::Message> responder) {
    (void)responder.Reply(message);  // UNAVAILABLE where the caller went away: then nobody waits
  });
  auto listener = (*rain)->Listen(*messages, values[1], std::move(router));
  if (!listener.ok()) return std::fprintf(stderr, "%s\n", listener.status().ToString().c_str()), 1;
  const std::string line = absl::StrCat(listener->bound_key().text(), "\n");
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 1;
  char end = 0;
  while (read(STDIN_FILENO, &end, 1) > 0) {
  }
  return 0;
}
