// The smallest program: a service and one who asks it, in one process. Built out of the tree, against what is installed.
#include <iostream>
#include <utility>

#include "listenrain/listenrain.h"

int main() {
  auto rain = rain::NewListenRain().value();
  auto messages = rain::RegisterMessages(*rain).value();
  rain::Router<rain::Message> router;
  router.On("hello", [](rain::Message request, const rain::CallContext&, rain::Responder<rain::Message> responder) {
    responder.Reply(rain::Message::Text("hello, " + request.text())).IgnoreError();
  });
  auto listener = rain->Listen(messages, "inproc://hello", std::move(router)).value();
  auto reply = rain->SyncSend(messages, "inproc://hello", rain::Message::Text("hello", "rain"));
  std::cout << (reply.ok() ? reply->text() : reply.status().ToString()) << "\n";
  return reply.ok() && reply->text() == "hello, rain" ? 0 : 1;
}
