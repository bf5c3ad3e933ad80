// TLS as a service uses it: what its keys may say, long streams, and whole calls.
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/recording_events.h"
#include "listenrain/transports/certificates_test.h"
#include "listenrain/transports/inproc.h"
#include "listenrain/transports/tls.h"
#include "listenrain/transports/tls_channel.h"

namespace rain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Made = absl::StatusOr<std::unique_ptr<Channel>>;

TEST(TlsOptions, WhatDoesNotFitIsSaid) {
  Certificates& certificates = TestCertificates();
  const auto pair = certificates.Issue("options", "DNS:localhost");
  const auto other = certificates.Issue("other", "DNS:localhost");
  const auto expect = [](const auto& made, const std::string& text) {
    EXPECT_TRUE(absl::IsInvalidArgument(made.status())) << made.status();
    EXPECT_THAT(std::string(made.status().message()), AllOf(HasSubstr("tls://127.0.0.1:1"), HasSubstr(text)));
  };
  const auto listen = [](const std::string& options) { return NewTlsScheme().listen("tls://127.0.0.1:1" + options); };
  const auto dial = [](const std::string& options) { return NewTlsScheme().dial("tls://127.0.0.1:1" + options); };
  expect(listen(""), "who listens needs a certificate");
  expect(listen("?cert=" + pair.cert), "options \"cert\" and \"key\" go together");
  expect(listen("?cert=/no/such&key=" + pair.key),
         "option \"cert\": /no/such: No such file or directory; it should be a PEM file");
  expect(listen("?cert=" + pair.key + "&key=" + pair.key), "option \"cert\": " + pair.key);
  expect(listen("?cert=" + pair.cert + "&key=" + other.key), "option \"key\": " + other.key + ": key values mismatch");
  expect(listen("?verify=1&" + pair.options()), "say in option \"ca\" by whom");
  expect(dial("?ca=/no/such"), "option \"ca\": /no/such: No such file or directory");
  expect(dial("?ca=" + pair.key), "option \"ca\": " + pair.key);
  expect(dial("?verify=2"), "option \"verify\"");
  expect(dial("?handshake_timeout=0"), "option \"handshake_timeout\"");
  expect(dial("?name=" + std::string(256, 'x')), "no host has so long a name");
  expect(dial("?sndbuff=1"), "unknown option \"sndbuff\"");
}

// Threads may be at work while the process exits, and what is static may end later than OpenSSL would.
TEST(TlsDeathTest, TlsWorksUntilTheProcessIsGone) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // in a process that has not used OpenSSL before
  const auto use_and_exit = [] {
    // Called after whatever is registered from here on.
    std::atexit([] { std::_Exit(NewTlsScheme().dial("tls://localhost:1").ok() ? 0 : 1); });
    std::exit(NewTlsScheme().dial("tls://localhost:1").ok() ? 2 : 3);
  };
  EXPECT_EXIT(use_and_exit(), testing::ExitedWithCode(0), "");
}

// Two channels, whose parts a test may change.
class TlsChannels : public testing::Test {
 protected:
  static std::shared_ptr<TlsParts> NewParts(bool dialing) {
    auto made = std::make_shared<TlsParts>();
    made->session.context.reset(SSL_CTX_new(dialing ? TLS_client_method() : TLS_server_method()), SSL_CTX_free);
    made->session.blocks = NewBufferPool();
    made->dialing = dialing;
    made->handshake_timeout = absl::Seconds(10);
    return made;
  }
  void SetUp() override {
    const auto pair = TestCertificates().Issue("channels", "DNS:localhost");
    ASSERT_EQ(SSL_CTX_use_certificate_chain_file(far_parts_->session.context.get(), pair.cert.c_str()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey_file(far_parts_->session.context.get(), pair.key.c_str(), SSL_FILETYPE_PEM), 1);
  }
  // Anew; writes these bytes and an end.
  void Carry(const std::string& bytes) {
    near_.reset();
    far_.reset();
    near_events_ = far_events_ = RecordingEvents();
    const TransportScheme scheme = NewInprocScheme();
    const auto listener = *scheme.listen("inproc://here");
    const auto dialer = *scheme.dial("inproc://here");
    listener->Next(loop_, [&](Made made) { far_ = NewTlsChannel(far_parts_, *std::move(made)); });
    dialer->Next(loop_, [&](Made made) { near_ = NewTlsChannel(near_parts_, *std::move(made)); });
    ASSERT_TRUE(loop_.RunUntilIdle());
    near_->Start(loop_, near_events_);
    far_->Start(loop_, far_events_);
    const Buffer piece = Buffer::Adopt(bytes);
    near_->Write({&piece, 1});
    near_->CloseWrite();
    ASSERT_TRUE(loop_.RunUntilIdle());
  }

  ManualLoop loop_;
  const std::shared_ptr<TlsParts> near_parts_ = NewParts(true);
  const std::shared_ptr<TlsParts> far_parts_ = NewParts(false);
  RecordingEvents near_events_, far_events_;
  std::unique_ptr<Channel> near_, far_;
};

// TLS 1.3 with a new key after each MiB.
TEST_F(TlsChannels, LongStreamsChangeTheirKeys) {
  static int key_updates = 0;
  SSL_CTX_set_msg_callback(far_parts_->session.context.get(),
                           [](int, int, int type, const void* bytes, size_t size, SSL*, void*) {
                             if (type == SSL3_RT_HANDSHAKE && size > 0 && *static_cast<const char*>(bytes) == SSL3_MT_KEY_UPDATE)
                               ++key_updates;
                           });
  near_parts_->rekey_bytes = 1 << 20;
  const std::string bytes(8 << 20, 'x');
  Carry(bytes);
  EXPECT_EQ(far_events_.bytes, bytes);
  EXPECT_GE(key_updates, 7);
}

class RefusingOnce final : public BlockAllocator {
 public:
  explicit RefusingOnce(int granted) : left_(granted) {}
  void* Allocate(size_t bytes) override { return left_-- == 0 ? nullptr : std::malloc(bytes); }
  void Free(void* memory, size_t) noexcept override { std::free(memory); }
  bool refused() const { return left_ < 0; }

 private:
  int left_;
};

TEST_F(TlsChannels, WithoutMemoryAChannelIsClosedWithThatReason) {
  for (int granted = 0;; ++granted) {
    SCOPED_TRACE(granted);
    const auto allocator = std::make_shared<RefusingOnce>(granted);
    near_parts_->session.blocks = NewBufferPool({.max_idle_bytes = 0, .allocator = allocator});
    Carry("word");
    if (!allocator->refused()) {
      EXPECT_GE(granted, 4);  // two steps of the handshake, the word, and its end
      break;
    }
    ASSERT_TRUE(near_events_.closed.has_value());
    EXPECT_TRUE(absl::IsResourceExhausted(*near_events_.closed)) << *near_events_.closed;
    EXPECT_EQ(far_events_.ends, 0);
  }
  EXPECT_EQ(far_events_.bytes, "word");
  EXPECT_EQ(far_events_.ends, 1);
}

// A peer by OpenSSL alone, on a raw channel, at the other end of a TLS channel.
class TlsWithABarePeer : public testing::Test {
 protected:
  // The peer dials, or is dialed.
  void Connect(SSL_CTX* context, bool peer_dials) {
    const TransportScheme inproc = NewInprocScheme();
    const TransportScheme tls = NewTlsScheme("tls+inproc", inproc);
    const std::string& options = LoopbackTlsOptions();
    const auto listener =
        peer_dials ? *tls.listen("tls+inproc://localhost?pipe=4096&" + options) : *inproc.listen("inproc://localhost?pipe=4096");
    const auto dialer = peer_dials ? *inproc.dial("inproc://localhost") : *tls.dial("tls+inproc://localhost?" + options);
    listener->Next(loop_, [&](Made made) { (peer_dials ? ours_ : below_) = *std::move(made); });
    dialer->Next(loop_, [&](Made made) { (peer_dials ? below_ : ours_) = *std::move(made); });
    ASSERT_TRUE(loop_.RunUntilIdle());
    below_->Start(loop_, below_events_);
    ours_->Start(loop_, events_);
    peer_.reset(SSL_new(context));
    SSL_set_bio(peer_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    peer_dials ? SSL_set_connect_state(peer_.get()) : SSL_set_accept_state(peer_.get());
    for (int round = 0; SSL_do_handshake(peer_.get()) != 1; ++round) {
      ASSERT_LT(round, 10);
      Deliver(Written());
    }
  }
  // What the peer has written.
  std::string Written() {
    std::string bytes(static_cast<size_t>(BIO_pending(SSL_get_wbio(peer_.get()))), '\0');
    BIO_read(SSL_get_wbio(peer_.get()), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  // That goes to our end, and what this says goes to the peer.
  void Deliver(const std::string& bytes) {
    const Buffer piece = Buffer::Adopt(bytes);
    below_->Write({&piece, 1});
    ASSERT_TRUE(loop_.RunUntilIdle());
    BIO_write(SSL_get_rbio(peer_.get()), below_events_.bytes.data(), static_cast<int>(below_events_.bytes.size()));
    below_events_.bytes.clear();
  }
  std::string Read() {
    char bytes[100];
    const int size = SSL_read(peer_.get(), bytes, sizeof(bytes));
    return std::string(bytes, static_cast<size_t>(std::max(size, 0)));
  }

  ManualLoop loop_;
  RecordingEvents events_;
  RecordingEvents below_events_;
  std::unique_ptr<Channel> ours_;
  std::unique_ptr<Channel> below_;
  std::unique_ptr<SSL, decltype(&SSL_free)> peer_{nullptr, &SSL_free};
};

// Each change of the peer's key asks for one of ours.
TEST_F(TlsWithABarePeer, APeerThatAsksForAnswersAndReadsNoneIsGivenUp) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  Connect(context.get(), true);
  below_->SetReading(false);
  constexpr int kEnough = 200'000;
  int asked = 0;
  for (; asked < kEnough && !events_.closed.has_value(); ++asked) {
    ASSERT_EQ(SSL_key_update(peer_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_write(peer_.get(), "x", 1), 1);
    if (asked % 100 == 0) Deliver(Written());
  }
  EXPECT_LT(asked, kEnough);
  ASSERT_TRUE(events_.closed.has_value());
  EXPECT_TRUE(absl::IsResourceExhausted(*events_.closed)) << *events_.closed;
}

// A peer whose session ticket comes in two records: between them nothing can be written.
class TlsWithAPeerAmidAWord : public TlsWithABarePeer {
 protected:
  void SetUp() override {
    const auto pair = TestCertificates().Issue("bare", "DNS:localhost");
    ASSERT_EQ(SSL_CTX_use_certificate_chain_file(context_.get(), pair.cert.c_str()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey_file(context_.get(), pair.key.c_str(), SSL_FILETYPE_PEM), 1);
    SSL_CTX_set_num_tickets(context_.get(), 1);
    SSL_CTX_set_max_send_fragment(context_.get(), 512);
    const auto enlarge = [](SSL* ssl, void*) {
      static const std::string bytes(900, 'x');
      return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), bytes.data(), bytes.size());
    };
    SSL_CTX_set_session_ticket_cb(context_.get(), enlarge, nullptr, nullptr);
    Connect(context_.get(), false);
    const std::string ticket = Written();
    ASSERT_GT(ticket.size(), 600u);
    rest_ = ticket.substr(550);
    Deliver(ticket.substr(0, 550));
  }
  void WriteTheLastWord() {
    const Buffer word = Buffer::Static("word");
    ours_->Write({&word, 1});
    ours_->CloseWrite();
    EXPECT_EQ(ours_->pending_bytes(), 4u);
  }
  void ExpectTheLastWord() {
    EXPECT_EQ(ours_->pending_bytes(), 0u);
    EXPECT_EQ(events_.drained, 1);
    EXPECT_EQ(Read(), "word");
    EXPECT_EQ(Read(), "");
    EXPECT_EQ(SSL_get_shutdown(peer_.get()), SSL_RECEIVED_SHUTDOWN);
    EXPECT_FALSE(events_.closed.has_value()) << *events_.closed;
  }

  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
  std::string rest_;  // of the ticket
};

TEST_F(TlsWithAPeerAmidAWord, WhatIsWrittenWaitsForItsEnd) {
  WriteTheLastWord();
  Deliver("");
  EXPECT_EQ(Read(), "");
  Deliver(rest_);
  ExpectTheLastWord();
}

TEST_F(TlsWithAPeerAmidAWord, WritingGoesOnWhileReadingIsPaused) {
  ours_->SetReading(false);
  WriteTheLastWord();
  ASSERT_EQ(SSL_write(peer_.get(), "said", 4), 4);
  Deliver(rest_ + Written());
  ExpectTheLastWord();
  EXPECT_EQ(events_.bytes, "");
  ours_->SetReading(true);
  Deliver("");
  EXPECT_EQ(events_.bytes, "said");
}

TEST_F(TlsWithAPeerAmidAWord, ReadingIsPausedWhileSomethingWaitsToBeWritten) {
  WriteTheLastWord();
  ours_->SetReading(false);
  Deliver(rest_);
  ExpectTheLastWord();
}

class TlsService : public testing::Test {
 protected:
  void SetUp() override {
    rain_ = NewListenRain().value();
    protocol_ = RegisterMessages(*rain_).value();
    Router<Message> router;
    router.Otherwise([](Message message, CallContext, Responder<Message> responder) { (void)responder.Reply(message); });
    listener_ = rain_->Listen(*protocol_, absl::StrCat("tls://127.0.0.1:0?", LoopbackTlsOptions()), std::move(router)).value();
  }
  absl::StatusOr<Message> Echo(const TransportKey& key, const std::string& text, const SendOptions& options = {}) {
    std::promise<absl::StatusOr<Message>> told;
    const absl::Status sent = rain_->Send(
        *protocol_, key, Message::Text("echo", text),
        [&told](absl::StatusOr<Message> reply) { told.set_value(std::move(reply)); }, options);
    if (!sent.ok()) return sent;
    return told.get_future().get();
  }

  std::unique_ptr<ListenRain> rain_;
  std::optional<Protocol<Message>> protocol_;
  Listener listener_;
};

TEST_F(TlsService, Echoes) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{110}, size_t{300'000}, size_t{5'000'000}}) {
    const auto reply = Echo(listener_.bound_key(), std::string(size, 'x'));
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->text(), std::string(size, 'x'));
  }
}

TEST_F(TlsService, AServerThatIsNotTrustedFailsCallsAtOnceWithTheReason) {
  const auto reply =
      Echo(absl::StrCat(listener_.bound_key().text(), "&name=elsewhere"), "secret", {.timeout = absl::Seconds(100)});
  EXPECT_TRUE(absl::IsUnavailable(reply.status())) << reply.status();
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("hostname mismatch"));
}

TEST_F(TlsService, AServerThatIsNotTrustedIsFailedOver) {
  const std::string good = listener_.bound_key().text();
  const auto reply = Echo(absl::StrCat(good, "&name=elsewhere,", good), "to the second", {.wait_for_ready = true});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->text(), "to the second");
}

}  // namespace
}  // namespace rain
