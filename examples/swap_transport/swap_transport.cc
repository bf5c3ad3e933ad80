// One service, served and asked over whichever transports are named on the command line: nothing but the key changes.
//
//   swap_transport tcp://127.0.0.1:0 unix:///tmp/swap.sock unix:@swap inproc://swap
#include <iostream>
#include <utility>

#include "listenrain/listenrain.h"

namespace {

using rain::Message;

absl::Status CallOver(rain::ListenRain& rain, const rain::Protocol<Message>& protocol, const rain::TransportKey& key) {
  rain::Router<Message> router;
  router.On("shout", [](Message message, rain::CallContext, rain::Responder<Message> responder) {
    const absl::Status sent = responder.Reply(Message::Text(message.text() + "!"));
    if (!sent.ok()) std::cerr << "no reply: " << sent << "\n";
  });
  const auto listener = rain.Listen(protocol, key, std::move(router));
  if (!listener.ok()) return listener.status();

  const auto reply = rain.SyncSend(protocol, listener->bound_key(), Message::Text("shout", "rain"));
  if (!reply.ok()) return reply.status();
  std::cout << listener->bound_key().text() << ": " << reply->text() << "\n";
  return absl::OkStatus();
}

absl::Status CallOverEach(char** keys) {
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  const auto protocol = rain::RegisterMessages(**rain);
  if (!protocol.ok()) return protocol.status();
  for (; *keys != nullptr; ++keys) {
    if (absl::Status status = CallOver(**rain, *protocol, *keys); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

int main(int, char** words) {
  const absl::Status ended = CallOverEach(words + 1);
  if (ended.ok()) return 0;
  std::cerr << "swap_transport: " << ended << "\n";
  return 1;
}
