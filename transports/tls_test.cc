// What is particular to TLS; what every channel must do is in testing/channel_suite.h.
#include "listenrain/transports/tls.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/testing/channel_suite.h"
#include "listenrain/testing/forwarding_channel.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/recording_events.h"
#include "listenrain/transports/certificates_test.h"
#include "listenrain/transports/inproc.h"

namespace rain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Made = absl::StatusOr<std::unique_ptr<Channel>>;

ChannelSubject Subject(const std::string& options, bool two_loops) {
  return {.scheme = [] { return NewTlsScheme("tls+inproc", NewInprocScheme()); },
          .listen_key = absl::StrCat("tls+inproc://localhost?", LoopbackTlsOptions(), options),
          .two_loops = two_loops,
          .large_bytes = size_t{8} << 20,
          .most_taken_bytes = (size_t{1} << 20) + (64 << 10)};  // the pipe, and the last large buffer of ciphertext
}

class TlsOnManualLoops : public testing::TestWithParam<ChannelCheck> {};
TEST_P(TlsOnManualLoops, ConformsOnOne) { EXPECT_THAT(GetParam().run(Subject("", false)), testing::IsEmpty()); }
TEST_P(TlsOnManualLoops, ConformsOnTwo) { EXPECT_THAT(GetParam().run(Subject("", true)), testing::IsEmpty()); }
TEST_P(TlsOnManualLoops, ConformsOnASmallPipe) { EXPECT_THAT(GetParam().run(Subject("&pipe=4096", true)), testing::IsEmpty()); }
INSTANTIATE_TEST_SUITE_P(Suite, TlsOnManualLoops, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

std::string TrustedCa() { return absl::StrCat("ca=", TestCertificates().ca()); }

std::string Text(const std::optional<absl::Status>& status) { return status.has_value() ? status->ToString() : "not closed"; }

// One end: its channel, and what that tells.
struct End {
  std::unique_ptr<Channel> channel;
  RecordingEvents events;

  void Write(const std::string& bytes) {
    const Buffer piece = Buffer::Adopt(bytes);
    channel->Write({&piece, 1});
  }
};

// TLS over in-process channels on a manual loop. The channels below it may be reached, and changed.
class Tls : public testing::Test {
 protected:
  void Listen(const std::string& options) {
    auto made = scheme_.listen(absl::StrCat("tls+inproc://localhost?", options));
    ASSERT_TRUE(made.ok()) << made.status();
    listener_ = *std::move(made);
  }
  void Dial(const std::string& options) {
    auto made = scheme_.dial(absl::StrCat("tls+inproc://localhost", options.empty() ? "" : "?", options));
    ASSERT_TRUE(made.ok()) << made.status();
    dialer_ = *std::move(made);
  }
  void Settle() { EXPECT_TRUE(loop_.RunUntilIdle()); }
  // One more end, started; null if it was not made.
  std::unique_ptr<End> Next(ChannelGenerator& generator, absl::Status* why = nullptr) {
    std::unique_ptr<End> end;
    generator.Next(loop_, [&](Made made) {
      if (why != nullptr) *why = made.status();
      if (!made.ok()) return;
      end = std::make_unique<End>();
      end->channel = *std::move(made);
    });
    Settle();
    if (end != nullptr) end->channel->Start(loop_, end->events);
    return end;
  }
  // Both ends, after their handshake.
  void Connect() {
    near_ = Next(*dialer_);
    far_ = Next(*listener_);
    ASSERT_TRUE(near_ != nullptr && far_ != nullptr);
    Settle();
  }
  void Connect(const std::string& listen_options, const std::string& dial_options) {
    Listen(listen_options);
    Dial(dial_options);
    Connect();
  }
  void ExpectEcho() {
    near_->Write("ping");
    Settle();
    EXPECT_EQ(far_->events.bytes, "ping") << Text(near_->events.closed) << ", " << Text(far_->events.closed);
    far_->Write("pong");
    Settle();
    EXPECT_EQ(near_->events.bytes, "pong");
  }
  static void ExpectUnavailable(const End& end, const std::string& text) {
    EXPECT_THAT(Text(end.events.closed), AllOf(HasSubstr("UNAVAILABLE: tls+inproc:"), HasSubstr(text)));
    EXPECT_EQ(end.events.ends, 0);
  }

  ManualLoop loop_;
  std::vector<ForwardingChannel*> below_;  // the dialer's channels
  std::function<std::unique_ptr<ForwardingChannel>(std::unique_ptr<Channel>)> wrap_ = [](std::unique_ptr<Channel> channel) {
    return std::make_unique<ForwardingChannel>(std::move(channel));
  };
  const TransportScheme inproc_ = NewInprocScheme();
  const TransportScheme scheme_ = NewTlsScheme(
      "tls+inproc", {"inproc",
                     [this](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
                       auto dialer = inproc_.dial(key);
                       if (!dialer.ok()) return dialer;
                       return std::make_unique<ForwardingGenerator>(*std::move(dialer), [this](std::unique_ptr<Channel> channel) {
                         auto wrapped = wrap_(std::move(channel));
                         below_.push_back(wrapped.get());
                         return wrapped;
                       });
                     },
                     inproc_.listen});
  const std::string server_ = TestCertificates().Issue("server", "DNS:localhost,DNS:*.example.com").options();
  std::unique_ptr<ChannelGenerator> listener_;
  std::unique_ptr<ChannelGenerator> dialer_;
  std::unique_ptr<End> near_;
  std::unique_ptr<End> far_;
};

TEST_F(Tls, CarriesBytesAndNamesThePeerAsAKeyOfItsOwn) {
  Connect(server_, TrustedCa());
  ExpectEcho();
  EXPECT_EQ(near_->channel->peer()->address, "tls+inproc://localhost");
  EXPECT_EQ(near_->channel->bytes_taken(), 4u);
}

TEST_F(Tls, TheBoundKeyKeepsTheOptions) {
  const auto listener = NewTlsScheme().listen(absl::StrCat("tls://127.0.0.1:0?backlog=7&", server_, "&handshakes=5"));
  ASSERT_TRUE(listener.ok()) << listener.status();
  const TransportKey key = (*listener)->bound_key();
  EXPECT_EQ(key.scheme(), "tls");
  EXPECT_NE(key.address(), "127.0.0.1:0");
  EXPECT_THAT(key.options(), testing::IsSupersetOf({testing::Pair("backlog", "7"), testing::Pair("handshakes", "5")}));
  EXPECT_EQ(key.options().size(), 4u);
}

TEST_F(Tls, ANameOfTheCertificateIsTakenAndNoOther) {
  Listen(server_);
  for (const std::string name : {"localhost", "www.example.com"}) {
    Dial(TrustedCa() + "&name=" + name);
    Connect();
    ExpectEcho();
  }
  for (const std::string name : {"elsewhere", "example.com", "a.b.example.com"}) {
    Dial(TrustedCa() + "&name=" + name);
    Connect();
    ExpectUnavailable(*near_, "certificate verify failed: hostname mismatch, for " + name + " (dial the peer by a name");
    ExpectUnavailable(*far_, "alert");
  }
  Dial(TrustedCa() + "&name=127.0.0.1");
  Connect();
  ExpectUnavailable(*near_, "IP address mismatch");
  Dial("verify=0&name=elsewhere");
  Connect();
  ExpectEcho();
}

TEST_F(Tls, AnExpiredCertificateIsRefused) {
  Connect(TestCertificates().Issue("expired", "DNS:localhost", -60).options(), TrustedCa());
  ExpectUnavailable(*near_, "certificate has expired");
}

TEST_F(Tls, AnAuthorityThatNobodyTrustsIsRefused) {
  Certificates others("others"), impostors;
  Connect(server_, "ca=" + others.ca());
  ExpectUnavailable(*near_, "in option ca");
  ExpectUnavailable(*far_, "does not trust the authority of our certificate");
  Dial("ca=" + impostors.ca());
  Connect();
  ExpectUnavailable(*near_, "certificate verify failed: certificate signature failure");
  Dial("");  // whom the system trusts
  Connect();
  ExpectUnavailable(*near_, "certificate verify failed");
}

TEST_F(Tls, AListenerMayAskForCertificates) {
  Listen(absl::StrCat(server_, "&verify=1&", TrustedCa()));
  Dial(absl::StrCat(TrustedCa(), "&", TestCertificates().Issue("client", "DNS:client").options()));
  Connect();
  ExpectEcho();

  Dial(TrustedCa());
  Connect();
  ExpectUnavailable(*far_, "did not return a certificate (who dials needs a certificate");
  ExpectUnavailable(*near_, "certificate required");

  Certificates others("others");
  Dial(absl::StrCat(TrustedCa(), "&", others.Issue("client", "DNS:client").options()));
  Connect();
  ExpectUnavailable(*far_, "certificate verify failed");
  ExpectUnavailable(*near_, "does not trust the authority of our certificate");
}

TEST_F(Tls, AFailedHandshakeIsAFailedAttemptOfTheDialer) {
  Connect(server_, TrustedCa() + "&name=elsewhere");
  ASSERT_TRUE(near_->events.closed.has_value());
  EXPECT_EQ(dialer_->RetryAfter(*near_->events.closed, absl::ZeroDuration()), absl::ZeroDuration());
  absl::Status why;
  EXPECT_EQ(Next(*dialer_, &why), nullptr);
  EXPECT_EQ(why.message(), near_->events.closed->message());
  const auto wait = dialer_->RetryAfter(why, absl::ZeroDuration());
  ASSERT_TRUE(wait.has_value());
  EXPECT_LE(*wait, BackoffOptions{}.first);
  // Then it asks below again.
  EXPECT_NE(Next(*dialer_, &why), nullptr);
}

TEST_F(Tls, AFailedHandshakeOfLongAgoIsForgotten) {
  Connect(server_, TrustedCa() + "&name=elsewhere");
  ASSERT_TRUE(near_->events.closed.has_value());
  (void)dialer_->RetryAfter(*near_->events.closed, absl::ZeroDuration());
  loop_.Advance(absl::Minutes(10));  // another endpoint served meanwhile
  EXPECT_NE(Next(*dialer_), nullptr);
}

TEST_F(Tls, AChannelThatDiesLaterIsNoFailedAttempt) {
  Connect(server_, TrustedCa());
  ExpectEcho();
  far_.reset();
  Settle();
  ASSERT_TRUE(near_->events.closed.has_value());
  (void)dialer_->RetryAfter(*near_->events.closed, absl::ZeroDuration());
  EXPECT_NE(Next(*dialer_), nullptr);
}

TEST_F(Tls, AStreamThatIsCutIsNoEnd) {
  Connect(server_, TrustedCa());
  near_->Write("all of it?");
  below_[0]->CloseWrite();
  Settle();
  EXPECT_EQ(far_->events.bytes, "all of it?");
  ExpectUnavailable(*far_, "the stream was cut off");
}

TEST_F(Tls, AHandshakeThatIsCutIsUnavailableOnBothSides) {
  Listen(server_);
  Dial(TrustedCa());
  near_ = Next(*dialer_);
  below_[0]->CloseWrite();
  far_ = Next(*listener_);
  Settle();
  ExpectUnavailable(*far_, "TLS handshake: the peer ended the stream");
  ExpectUnavailable(*near_, "the stream was cut off");  // by its own word it had done
}

TEST_F(Tls, CloseTellsTheEndIfNothingPends) {
  Connect(server_, TrustedCa());
  near_->Write("bye");
  near_->channel->Close(absl::CancelledError("enough"));
  Settle();
  EXPECT_EQ(far_->events.bytes, "bye");
  EXPECT_EQ(far_->events.ends, 1);
}

TEST_F(Tls, CloseTellsNoEndIfBytesPend) {
  Connect(server_, TrustedCa());
  far_->channel->SetReading(false);
  near_->Write(std::string(4 << 20, 'x'));
  Settle();
  EXPECT_GT(near_->channel->pending_bytes(), 0u);
  near_->channel->Close(absl::CancelledError("enough"));
  far_->channel->SetReading(true);
  Settle();
  EXPECT_EQ(far_->events.bytes.size(), near_->channel->bytes_taken());
  EXPECT_EQ(far_->events.ends, 0);
  EXPECT_TRUE(far_->events.closed.has_value());
}

// Changes one byte of what it is told to.
class Damaging final : public ForwardingChannel {
 public:
  using ForwardingChannel::ForwardingChannel;
  void OnRead(Buffer bytes) override {
    if (damage) bytes.mutable_data()[bytes.size() - 1] ^= 1;
    events->OnRead(std::move(bytes));
  }
  bool damage = false;
};

TEST_F(Tls, ADamagedRecordIsDataLoss) {
  Damaging* way = nullptr;
  wrap_ = [&](std::unique_ptr<Channel> channel) {
    auto wrapped = std::make_unique<Damaging>(std::move(channel));
    way = wrapped.get();
    return wrapped;
  };
  Connect(server_, TrustedCa());
  ExpectEcho();
  way->damage = true;
  far_->Write("word");
  Settle();
  EXPECT_EQ(near_->events.bytes, "pong");
  EXPECT_THAT(Text(near_->events.closed),
              HasSubstr("DATA_LOSS: tls+inproc://localhost: TLS: decryption failed or bad record mac"));
  ExpectUnavailable(*far_, "bad record mac");
}

// A peer that speaks no TLS.
class TlsWithRawPeers : public Tls {
 protected:
  std::unique_ptr<End> RawPeer() {
    const auto dialer = *inproc_.dial("inproc://localhost");
    return Next(*dialer);
  }
};

TEST_F(TlsWithRawPeers, WhoSpeaksNoTlsIsTurnedAway) {
  Listen(server_);
  for (const std::string greeting : {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    const auto raw = RawPeer();
    far_ = Next(*listener_);
    raw->Write(greeting);
    Settle();
    ExpectUnavailable(*far_, "the peer seems to speak no TLS");
  }
}

TEST_F(TlsWithRawPeers, ASilentPeerIsGivenUpAndHoldsUpNobody) {
  Listen(server_ + "&handshake_timeout=300");
  const auto raw = RawPeer();
  const auto silent = Next(*listener_);
  Dial(TrustedCa());
  Connect();
  ExpectEcho();
  loop_.Advance(absl::Milliseconds(299));
  EXPECT_FALSE(silent->events.closed.has_value());
  loop_.Advance(absl::Milliseconds(1));
  ExpectUnavailable(*silent, "TLS handshake: not done within 300ms (option handshake_timeout");
  EXPECT_FALSE(far_->events.closed.has_value());
}

TEST_F(TlsWithRawPeers, SoManyHandshakesAndNoMore) {
  Listen(server_ + "&handshakes=2");
  std::vector<std::unique_ptr<End>> ends;
  for (int i = 0; i < 2; ++i) {
    ends.push_back(RawPeer());
    ends.push_back(Next(*listener_));
    ASSERT_NE(ends.back(), nullptr);
  }
  absl::Status why;
  EXPECT_EQ(Next(*listener_, &why), nullptr);
  EXPECT_THAT(why.ToString(), HasSubstr("2 peers are in their TLS handshakes (option handshakes)"));
  EXPECT_TRUE(absl::IsResourceExhausted(why));
  EXPECT_GE(listener_->RetryAfter(why, absl::ZeroDuration()), absl::Milliseconds(1));  // rather than ask again without rest
  ends.pop_back();
  Dial(TrustedCa());
  Connect();
  ExpectEcho();  // and its place is free again
  ends.push_back(RawPeer());
  EXPECT_NE(Next(*listener_), nullptr);
}

TEST_F(TlsWithRawPeers, WhatIsWrittenBeforeTheHandshakePendsAndIsDrained) {
  Listen(server_);
  Dial(TrustedCa());
  near_ = Next(*dialer_);
  near_->Write("early");
  near_->channel->CloseWrite();
  EXPECT_EQ(near_->channel->pending_bytes(), 5u);
  far_ = Next(*listener_);
  Settle();
  EXPECT_EQ(near_->events.drained, 1);
  EXPECT_EQ(far_->events.bytes, "early");
  EXPECT_EQ(far_->events.ends, 1);
}

}  // namespace
}  // namespace rain
