// A conversation of several steps as one stat machine: it reserves a seat, pays, and gives the seat back if it cannot pay.
// Nothing waits in a thread: each outcome is told to the machine, which sends the next request.
//
//   state_machine tcp://127.0.0.1:0
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "listenrain/framework/mutex.h"
#include "listenrain/listenrain.h"

namespace {

using rain::Message;
using rain::MsgId;

// Whoever has less than 20 cannot pay.
rain::Router<Message> BoxOffice() {
  rain::Router<Message> router;
  router.On("reserve", [](Message, rain::CallContext, rain::Responder<Message> responder) {
    (void)responder.Reply(Message::Text("seat 7"));
  });
  router.On("pay", [](Message purse, rain::CallContext, rain::Responder<Message> responder) {
    if (purse.text().size() < 2 || purse.text() < "20")
      return (void)responder.Fail(absl::FailedPreconditionError("too little money"));
    (void)responder.Reply(Message::Text("ticket for seat 7"));
  });
  router.On("give back", [](Message seat, rain::CallContext, rain::Responder<Message> responder) {
    (void)responder.Reply(Message::Text(seat.text() + " is free again"));
  });
  return router;
}

// Made by its user, who keeps it until Await has returned. One outcome at a time is told to it.
class Purchase final : public rain::StatMachine<Message> {
 public:
  Purchase(rain::TransportHandle<Message> office, std::string purse) : office_(std::move(office)), purse_(std::move(purse)) {}

  void Start() { Ask(Step::reserving, Message::Text("reserve", "")); }

  void Process(const MsgId&, Message reply) override {
    switch (step_) {
      case Step::reserving:
        seat_ = reply.text();
        return Ask(Step::paying, Message::Text("pay", purse_));
      case Step::paying:
        return End("got a " + reply.text());
      case Step::giving_back:
        return End(refused_ + ": " + reply.text());
    }
  }
  void Timeout(const MsgId& id) override { Fail(id, absl::DeadlineExceededError("the box office did not answer in time")); }
  void Fail(const MsgId&, absl::Status why) override {
    if (step_ != Step::paying) return End(std::string(why.message()));
    refused_ = std::string(why.message());
    Ask(Step::giving_back, Message::Text("give back", seat_));
  }

  // How it ended. Waits for that.
  std::string Await() {
    rain::MutexLock lock(mutex_);
    while (end_.empty()) ended_.Wait(mutex_);
    return end_;
  }

 private:
  enum class Step { reserving, paying, giving_back };

  // A request that was not accepted has no outcome: its reason is the end.
  void Ask(Step step, const Message& message) {
    step_ = step;
    if (const absl::Status sent = office_.Send(message, *this); !sent.ok()) End(std::string(sent.message()));
  }
  void End(std::string how) {
    rain::MutexLock lock(mutex_);
    end_ = std::move(how);
    ended_.SignalOne();  // under the lock: the machine may be gone once it is released
  }

  const rain::TransportHandle<Message> office_;
  const std::string purse_;
  Step step_ = Step::reserving;
  std::string seat_;
  std::string refused_;
  rain::Mutex mutex_;
  rain::CondVar ended_;
  std::string end_ ABSL_GUARDED_BY(mutex_);
};

absl::Status Run(const rain::TransportKey& key) {
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  const auto protocol = rain::RegisterMessages(**rain);
  if (!protocol.ok()) return protocol.status();
  const auto listener = (*rain)->Listen(*protocol, key, BoxOffice());
  if (!listener.ok()) return listener.status();
  const auto office = (*rain)->Open(*protocol, listener->bound_key());
  if (!office.ok()) return office.status();
  for (const char* purse : {"25", "5"}) {
    Purchase purchase(*office, purse);
    purchase.Start();
    std::cout << "with " << purse << ": " << purchase.Await() << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

int main(int count, char** words) {
  const absl::Status ended = Run(count > 1 ? words[1] : "tcp://127.0.0.1:0");
  if (!ended.ok()) std::cerr << "state_machine: " << ended << "\n";
  return ended.ok() ? 0 : 1;
}
