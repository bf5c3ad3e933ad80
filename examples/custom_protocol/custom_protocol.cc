// A text protocol of one's own, which telnet can speak: a command and its words on a line, replies in the order of the requests.
//
//   custom_protocol tcp://127.0.0.1:0
#include <iostream>
#include <memory>
#include <string>

#include "listenrain/codecs/delimiter.h"
#include "listenrain/listenrain.h"

namespace {

// The message is the line. It has no ids, so the transport keeps replies in order; and no kinds: a client reads replies only.
class TextCodec final : public rain::MessageCodec<std::string> {
 public:
  const rain::CodecTraits& traits() const override { return traits_; }
  absl::Status EncodeMessage(const rain::MessageHeader&, const std::string& line, rain::PayloadWriter& to) const override {
    to.Append(absl::string_view(line));
    return to.status();
  }
  absl::StatusOr<std::string> DecodeMessage(const rain::MessageHeader&, rain::Payload&& payload) const override {
    return rain::ToString(payload);
  }
  absl::StatusOr<rain::MessageHeader> PeekHeader(const rain::Payload&, rain::Role role) const override {
    return rain::MessageHeader{.kind = role == rain::Role::acceptor ? rain::MessageKind::request : rain::MessageKind::reply};
  }
  rain::Route RouteOf(const std::string& line) const override { return absl::string_view(line).substr(0, line.find(' ')); }
  // What this wire has not: ids, a header, error replies.
  rain::MsgId IdOf(const std::string&) const override { return {}; }
  void WriteHeader(const rain::MessageHeader&, absl::Span<char>) const override {}
  absl::Status EncodeError(const rain::MessageHeader&, const absl::Status&, rain::PayloadWriter&) const override {
    return None();
  }
  absl::Status DecodeError(const rain::MessageHeader&, const rain::Payload&) const override { return None(); }

 private:
  static absl::Status None() { return absl::FailedPreconditionError("text codec: answer with a line that says what is wrong"); }
  const rain::CodecTraits traits_{.ids = rain::IdPolicy::in_order};
};

rain::Router<std::string> Service() {
  rain::Router<std::string> router;
  router.On("ECHO", [](std::string line, rain::CallContext, rain::Responder<std::string> responder) {
    (void)responder.Reply(line.size() > 5 ? line.substr(5) : "");
  });
  router.Otherwise([](std::string line, rain::CallContext, rain::Responder<std::string> responder) {
    (void)responder.Reply("what is \"" + line + "\"?");
  });
  return router;
}

absl::Status Run(const rain::TransportKey& key) {
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  rain::ProtocolSpec<std::string> spec;
  spec.name = "text";
  spec.packet_codec = rain::NewDelimiterCodec();
  spec.message_codec = std::make_shared<TextCodec>();
  const auto protocol = (*rain)->Register(std::move(spec));
  if (!protocol.ok()) return protocol.status();
  const auto listener = (*rain)->Listen(*protocol, key, Service());
  if (!listener.ok()) return listener.status();
  for (const char* line : {"ECHO three words here", "DANCE"}) {
    const auto reply = (*rain)->SyncSend(*protocol, listener->bound_key(), line);
    if (!reply.ok()) return reply.status();
    std::cout << line << " -> " << *reply << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

int main(int count, char** words) {
  const absl::Status ended = Run(count > 1 ? words[1] : "tcp://127.0.0.1:0");
  if (!ended.ok()) std::cerr << "custom_protocol: " << ended << "\n";
  return ended.ok() ? 0 : 1;
}
