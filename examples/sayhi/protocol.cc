#include "listenrain/examples/sayhi/protocol.h"

#include <future>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sayhi {
namespace {

// Prints its request's outcome, on a thread of the executor, and tells whoever waits for it.
class Printer final : public rain::StatMachine<SayHi> {
 public:
  std::future<absl::Status> outcome() { return outcome_.get_future(); }

  void Process(const rain::MsgId& id, SayHi reply) override {
    std::cout << absl::StrCat("stat machine: ", reply.name, " [msgID ", ToString(id), "]\n");
    End(absl::OkStatus());
  }
  void Timeout(const rain::MsgId&) override { End(absl::DeadlineExceededError("nobody greeted back in time")); }
  void Fail(const rain::MsgId&, absl::Status why) override { End(std::move(why)); }

 private:
  // Whoever waits may destroy the printer at once: the promise must not be part of it any more.
  void End(absl::Status how) { std::exchange(outcome_, {}).set_value(std::move(how)); }

  std::promise<absl::Status> outcome_;
};

}  // namespace

absl::StatusOr<rain::Protocol<SayHi>> Register(rain::ListenRain& rain) {
  rain::ProtocolSpec<SayHi> spec;
  spec.name = "sayhi";
  spec.message_codec = NewSayHiCodec();
  return rain.Register(std::move(spec));
}

rain::Router<SayHi> Greeter() {
  rain::Router<SayHi> router;
  router.Otherwise([](SayHi hi, rain::CallContext, rain::Responder<SayHi> responder) {
    const absl::Status sent = responder.Reply({.name = absl::StrCat("hi, ", hi.name)});
    if (!sent.ok()) std::cerr << absl::StrCat(hi.name, " was not answered: ", sent.ToString(), "\n");
  });
  return router;
}

absl::Status Greet(rain::ListenRain& rain, const rain::Protocol<SayHi>& protocol, const rain::TransportKey& key) {
  const absl::StatusOr<SayHi> reply = rain.SyncSend(protocol, key, SayHi{.id = "1111-2222", .name = "I block"});
  if (!reply.ok()) return reply.status();
  std::cout << absl::StrCat("blocking: ", reply->name, " [msgID ", reply->id, "]\n");

  Printer printer;
  std::future<absl::Status> outcome = printer.outcome();
  absl::Status sent = rain.Send(protocol, key, SayHi{.id = "3333-4444", .name = "I do not"}, printer);
  if (!sent.ok()) return sent;  // then the printer is told nothing
  return outcome.get();
}

}  // namespace sayhi
