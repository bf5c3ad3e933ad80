// Where parts of one's own go: a program that names each of its parts. Those of the package stand for yours.
#include <iostream>
#include <utility>

#include "listenrain/codecs/length_prefix.h"
#include "listenrain/executors/serial_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/listenrain.h"
#include "listenrain/transports/inproc.h"

using rain::Message;

int main() {
  rain::ListenRainOptions options;
  options.schemes.push_back(rain::NewInprocScheme());  // a kind of channels, for all protocols
  const auto rain = rain::NewListenRain(std::move(options)).value();

  rain::ProtocolSpec<Message> spec;
  spec.name = "greetings";
  spec.packet_codec = rain::NewLengthPrefixCodec();
  spec.message_codec = rain::NewCompactCodec();
  spec.queue = rain::NewFifoQueue;                                         // called for each transport
  spec.executor = rain::NewSerialExecutor(rain::NewThreadPool()).value();  // where handlers run
  const auto protocol = rain->Register(std::move(spec)).value();

  rain::Router<Message> router;
  router.On("greet", [](Message request, rain::CallContext, rain::Responder<Message> responder) {
    responder.Reply(Message::Text("hello, " + request.text())).IgnoreError();  // an error: the caller has gone
  });
  const auto listener = rain->Listen(protocol, "inproc://here", std::move(router)).value();
  const auto reply = rain->SyncSend(protocol, "inproc://here", Message::Text("greet", "rain"));
  std::cout << (reply.ok() ? reply->text() : reply.status().ToString()) << "\n";
  return reply.ok() && reply->text() == "hello, rain" ? 0 : 1;
}
