// A chat room: the server pushes what one guest says to all, knows each by the session attached to the connection, and sees them
// go.
//
//   push tcp://127.0.0.1:0
#include <algorithm>
#include <deque>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/executors/serial_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/listenrain.h"

namespace {

using rain::CallContext;
using rain::Connection;
using rain::Message;
using rain::Responder;

struct Guest {
  std::string name;
};

// Shared with its handlers, which may run a little longer than the listener. Thread: any.
class Room : public std::enable_shared_from_this<Room> {
 public:
  explicit Room(rain::Protocol<Message> protocol) : protocol_(std::move(protocol)) {}

  rain::Router<Message> Service() {
    rain::Router<Message> router;
    router.On("join", [room = shared_from_this()](Message name, CallContext context, Responder<Message> responder) {
      context.connection().SetSession(std::make_shared<Guest>(Guest{name.text()}));
      {
        rain::MutexLock lock(room->mutex_);
        room->guests_.push_back(context.connection());
      }
      (void)responder.Reply(Message::Text("welcome, " + name.text()));  // a guest who is gone again hears nothing
    });
    router.On("say", [room = shared_from_this()](Message words, CallContext context, Responder<Message> responder) {
      const auto guest = context.connection().session<Guest>();
      if (guest == nullptr) return (void)responder.Fail(absl::FailedPreconditionError("join first"));
      room->TellAll(guest->name + ": " + words.text());
      (void)responder.Reply(Message());
    });
    router.OnDisconnect([room = shared_from_this()](const Connection& connection, const absl::Status&) {
      const auto guest = connection.session<Guest>();
      if (guest == nullptr) return;
      {
        rain::MutexLock lock(room->mutex_);
        room->guests_.erase(std::remove(room->guests_.begin(), room->guests_.end(), connection), room->guests_.end());
      }
      room->TellAll(guest->name + " has left");
    });
    return router;
  }

 private:
  void TellAll(const std::string& text) {
    std::vector<Connection> guests;
    {
      rain::MutexLock lock(mutex_);
      guests = guests_;
    }
    rain::PostToAll(protocol_, guests, Message::Text("said", text));
  }

  const rain::Protocol<Message> protocol_;
  rain::Mutex mutex_;
  std::vector<Connection> guests_ ABSL_GUARDED_BY(mutex_);
};

// What was said and not yet heard.
class Ear {
 public:
  void Put(std::string said) {
    rain::MutexLock lock(mutex_);
    said_.push_back(std::move(said));
    changed_.SignalOne();
  }
  // Waits for it.
  std::string Next() {
    rain::MutexLock lock(mutex_);
    while (said_.empty()) changed_.Wait(mutex_);
    std::string first = std::move(said_.front());
    said_.pop_front();
    return first;
  }

 private:
  rain::Mutex mutex_;
  rain::CondVar changed_;
  std::deque<std::string> said_ ABSL_GUARDED_BY(mutex_);
};

// A guest's program. What is pushed comes on the same channel as the replies, to the protocol's own router.
class Client {
 public:
  absl::Status Join(const rain::TransportKey& room, const std::string& name) {
    absl::StatusOr<std::unique_ptr<rain::ListenRain>> rain = rain::NewListenRain();
    if (!rain.ok()) return rain.status();
    rain_ = *std::move(rain);
    rain::ProtocolSpec<Message> spec;
    spec.name = "chat";
    spec.message_codec = rain::NewCompactCodec();
    spec.router.On("said", [ear = ear_](Message said, CallContext, Responder<Message>) { ear->Put(said.text()); });
    // In the order in which they come.
    absl::StatusOr<std::shared_ptr<rain::Executor>> serial = rain::NewSerialExecutor(rain::NewThreadPool());
    if (!serial.ok()) return serial.status();
    spec.executor = *std::move(serial);
    const auto protocol = rain_->Register(std::move(spec));
    if (!protocol.ok()) return protocol.status();
    const auto transport = rain_->Open(*protocol, room);
    if (!transport.ok()) return transport.status();
    room_ = *transport;
    const absl::StatusOr<Message> welcome = room_->SyncSend(Message::Text("join", name));
    if (welcome.ok()) std::cout << welcome->text() << "\n";
    return welcome.status();
  }
  absl::Status Say(const std::string& words) { return room_->SyncSend(Message::Text("say", words)).status(); }
  std::string Hear() { return ear_->Next(); }

 private:
  const std::shared_ptr<Ear> ear_ = std::make_shared<Ear>();
  std::unique_ptr<rain::ListenRain> rain_;
  std::optional<rain::TransportHandle<Message>> room_;
};

absl::Status Run(const rain::TransportKey& key) {
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  const auto protocol = rain::RegisterMessages(**rain);
  if (!protocol.ok()) return protocol.status();
  const auto room = std::make_shared<Room>(*protocol);
  const auto listener = (*rain)->Listen(*protocol, key, room->Service());
  if (!listener.ok()) return listener.status();

  Client ada;
  if (absl::Status joined = ada.Join(listener->bound_key(), "ada"); !joined.ok()) return joined;
  {
    Client bob;
    if (absl::Status joined = bob.Join(listener->bound_key(), "bob"); !joined.ok()) return joined;
    if (absl::Status said = bob.Say("good evening"); !said.ok()) return said;
    std::cout << "bob hears: " << bob.Hear() << "\n";
  }
  std::cout << "ada hears: " << ada.Hear() << "\n";
  std::cout << "ada hears: " << ada.Hear() << "\n";
  return absl::OkStatus();
}

}  // namespace

int main(int count, char** words) {
  const absl::Status ended = Run(count > 1 ? words[1] : "tcp://127.0.0.1:0");
  if (!ended.ok()) std::cerr << "push: " << ended << "\n";
  return ended.ok() ? 0 : 1;
}
