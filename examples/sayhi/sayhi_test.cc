// The bytes of sayhi, and both of its sides against a peer that speaks them by hand.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <string>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "listenrain/bench/descriptor.h"
#include "listenrain/examples/sayhi/protocol.h"
#include "listenrain/testing/message_codec_suite.h"

namespace sayhi {
namespace {

using rain::MessageHeader;
using rain::MessageKind;
using rain::Payload;
using rain::bench::Descriptor;
using testing::HasSubstr;

// Blanks between the fields are for the reader.
std::string Bytes(absl::string_view hex) { return absl::HexStringToBytes(absl::StrReplaceAll(hex, {{" ", ""}})); }
std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

// Whole packets, those of codecs/WIRE.md: packet length, header length, command, id, name length, name.
std::string RequestPacket() { return Bytes("00000012 00000007 00000000 6d2d31 00000003 416461"); }        // m-1: Ada
std::string ReplyPacket() { return Bytes("00000016 00000007 00000001 6d2d31 00000007 68692c20416461"); }  // m-1: hi, Ada

std::string WithoutLength(const std::string& packet) { return packet.substr(4); }

Payload PayloadOf(std::string bytes) {
  Payload payload;
  payload.push_back(rain::Buffer::Adopt(std::move(bytes)));
  return payload;
}

std::string Encoded(const MessageHeader& header, const SayHi& hi) {
  const auto pool = rain::NewBufferPool();
  rain::PooledWriter writer(*pool, 1 << 20);
  EXPECT_TRUE(writer.Begin().ok());
  EXPECT_TRUE(NewSayHiCodec()->EncodeMessage(header, hi, writer).ok());
  return ToString(writer.Take());
}

TEST(SayHiCodec, WritesTheBytesOfTheWire) {
  const MessageHeader request{.id = {}, .kind = MessageKind::request};
  EXPECT_EQ(Encoded(request, {.id = "m-1", .name = "Ada"}), WithoutLength(RequestPacket()));
  const MessageHeader reply{.id = rain::MsgId("m-1"), .kind = MessageKind::reply};
  EXPECT_EQ(Encoded(reply, {.id = "", .name = "hi, Ada"}), WithoutLength(ReplyPacket()));
}

TEST(SayHiCodec, ReadsTheBytesOfTheWire) {
  const auto codec = NewSayHiCodec();
  const auto header = codec->PeekHeader(PayloadOf(WithoutLength(ReplyPacket())), rain::Role::dialer);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->kind, MessageKind::reply);
  EXPECT_EQ(header->id, rain::MsgId("m-1"));
  const auto hi = codec->DecodeMessage(*header, PayloadOf(WithoutLength(ReplyPacket())));
  ASSERT_TRUE(hi.ok()) << hi.status();
  EXPECT_EQ(hi->id, "m-1");
  EXPECT_EQ(hi->name, "hi, Ada");
}

TEST(SayHiCodec, RefusesWhatIsNoGreeting) {
  const auto codec = NewSayHiCodec();
  const auto refused = [&codec](absl::string_view hex) {
    const auto hi = codec->DecodeMessage({}, PayloadOf(Bytes(hex)));
    return hi.status().code() == absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused("00000004000000")) << "cut in the header";
  EXPECT_TRUE(refused("0000000300000000 00000000")) << "a header too short for its command";
  EXPECT_TRUE(refused("ffffffff00000000 00000000")) << "a header longer than the packet";
  EXPECT_TRUE(refused("0000000400000002 00000000")) << "an unknown command";
  EXPECT_TRUE(refused("0000000400000000 000000")) << "a name's length cut short";
  EXPECT_TRUE(refused("0000000400000000 0000000261")) << "a name cut short";
  EXPECT_TRUE(refused("0000000400000000 000000016162")) << "bytes after the name";
  EXPECT_FALSE(refused("0000000400000000 0000000161")) << "a greeting of one letter";
}

class SayHiMessages : public testing::TestWithParam<rain::MessageCodecCheck> {};

TEST_P(SayHiMessages, Conform) {
  auto subject = rain::NewMessageCodecSubject<SayHi>(
      NewSayHiCodec(), {{"m-1", "Ada"}, {std::string("\0\xff", 2), ""}, {"3", std::string(5000, 'n')}},
      [](const SayHi& hi) { return absl::StrCat(absl::CHexEscape(hi.id), " ", hi.name); });
  for (auto& sample : subject.samples) sample.strict = true;
  EXPECT_THAT(GetParam().run(subject), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, SayHiMessages, testing::ValuesIn(rain::MessageCodecChecks()), rain::MessageCodecCheckName());

// Blocking sockets that give up in time, for a peer without ListenRain.
Descriptor NewSocket() {
  Descriptor made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 60, .tv_usec = 0};
  EXPECT_EQ(setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);  // accept's too
  return made;
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void WriteBytes(int peer, const std::string& bytes) {
  EXPECT_EQ(send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

// So many bytes, or fewer if no more came.
std::string ReadBytes(int peer, size_t count) {
  std::string bytes(count, '\0');
  const ssize_t got = recv(peer, bytes.data(), count, MSG_WAITALL);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

class SayHiWire : public testing::Test {
 protected:
  SayHiWire() : rain_(*rain::NewListenRain()), protocol_(*Register(*rain_)) {}

  // The listener's port, or 0.
  static uint16_t PortOf(const rain::Listener& listener) {
    const std::string& key = listener.bound_key().text();
    return static_cast<uint16_t>(std::stoi(key.substr(key.rfind(':') + 1)));
  }

  Descriptor ConnectTo(uint16_t port) {
    Descriptor peer = NewSocket();
    const sockaddr_in address = Loopback(port);
    EXPECT_EQ(connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return peer;
  }

  const std::unique_ptr<rain::ListenRain> rain_;
  const rain::Protocol<SayHi> protocol_;
};

TEST_F(SayHiWire, TheServerAnswersAClientThatSpeaksByHand) {
  const auto listener = rain_->Listen(protocol_, "tcp://127.0.0.1:0", Greeter());
  ASSERT_TRUE(listener.ok()) << listener.status();
  const Descriptor client = ConnectTo(PortOf(*listener));
  WriteBytes(client.get(), RequestPacket());
  EXPECT_EQ(Hex(ReadBytes(client.get(), ReplyPacket().size())), Hex(ReplyPacket()));
}

TEST_F(SayHiWire, TheServerPassesOverWhatIsNoGreeting) {
  const auto listener = rain_->Listen(protocol_, "tcp://127.0.0.1:0", Greeter());
  ASSERT_TRUE(listener.ok()) << listener.status();
  const Descriptor client = ConnectTo(PortOf(*listener));
  const std::string unknown_command = Bytes("0000000d 00000005 00000007 39 00000000");
  WriteBytes(client.get(), unknown_command + RequestPacket());
  EXPECT_EQ(Hex(ReadBytes(client.get(), ReplyPacket().size())), Hex(ReplyPacket()));
  EXPECT_EQ(rain_->StatsOf(protocol_).undecodable, 1u);
}

TEST_F(SayHiWire, TheClientAsksAServerThatSpeaksByHand) {
  const Descriptor listening = NewSocket();
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listening.get(), 1), 0);
  ASSERT_EQ(getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);

  std::string request;
  std::thread server([&] {
    const Descriptor client(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    request = ReadBytes(client.get(), RequestPacket().size());
    WriteBytes(client.get(), ReplyPacket());
    ReadBytes(client.get(), 1);  // until the client has gone
  });
  const auto reply =
      rain_->SyncSend(protocol_, absl::StrCat("tcp://127.0.0.1:", ntohs(address.sin_port)), SayHi{.id = "m-1", .name = "Ada"});
  rain_->Stop();
  server.join();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->name, "hi, Ada");
  EXPECT_EQ(Hex(request), Hex(RequestPacket()));
}

TEST_F(SayHiWire, ANameOfAnyLengthIsGreeted) {
  const auto listener = rain_->Listen(protocol_, "tcp://127.0.0.1:0", Greeter());
  ASSERT_TRUE(listener.ok()) << listener.status();
  for (const size_t length : {size_t{0}, size_t{1023}, size_t{1024}, size_t{1} << 20}) {
    const auto reply = rain_->SyncSend(protocol_, listener->bound_key(), SayHi{.id = "1", .name = std::string(length, 'n')});
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->name, "hi, " + std::string(length, 'n'));
  }
}

TEST_F(SayHiWire, AGreetingWithoutAnIdIsRefused) {
  const auto listener = rain_->Listen(protocol_, "tcp://127.0.0.1:0", Greeter());
  ASSERT_TRUE(listener.ok()) << listener.status();
  const auto reply = rain_->SyncSend(protocol_, listener->bound_key(), SayHi{.id = "", .name = "Ada"});
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("carries ids"));
}

}  // namespace
}  // namespace sayhi
