// Parts that misbehave: codecs and observers that throw, pools that refuse. Requests still end, once each.
#include <atomic>
#include <stdexcept>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/testing/faults/fault_rig_test.h"

namespace rain {
namespace {

// The compact codec, that throws or fails where it is told to.
class FaultyCodec final : public MessageCodec<Message> {
 public:
  enum class At { nowhere, encode_request, encode_reply, encode_reply_and_error, decode, route, decode_error, peek };
  enum class How { throws, fails };
  std::atomic<At> at{At::nowhere};
  std::atomic<How> how{How::throws};

  const CodecTraits& traits() const override { return codec_->traits(); }
  void WriteHeader(const MessageHeader& header, absl::Span<char> first) const override { codec_->WriteHeader(header, first); }
  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role role) const override {
    if (absl::Status fault = Fault(at == At::peek); !fault.ok()) return fault;
    return codec_->PeekHeader(payload, role);
  }
  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    if (absl::Status fault = Fault(at == At::encode_reply_and_error); !fault.ok()) return fault;
    return codec_->EncodeError(header, error, to);
  }
  absl::Status DecodeError(const MessageHeader& header, const Payload& payload) const override {
    if (absl::Status fault = Fault(at == At::decode_error); !fault.ok()) return fault;
    return codec_->DecodeError(header, payload);
  }
  absl::Status EncodeMessage(const MessageHeader& header, const Message& message, PayloadWriter& to) const override {
    const bool reply = header.kind == MessageKind::reply;
    const bool here = reply ? at == At::encode_reply || at == At::encode_reply_and_error : at == At::encode_request;
    if (here) to.Append("bytes that must not stay");
    if (absl::Status fault = Fault(here); !fault.ok()) return fault;
    return codec_->EncodeMessage(header, message, to);
  }
  absl::StatusOr<Message> DecodeMessage(const MessageHeader& header, Payload&& payload) const override {
    if (absl::Status fault = Fault(at == At::decode); !fault.ok()) return fault;
    return codec_->DecodeMessage(header, std::move(payload));
  }
  MsgId IdOf(const Message& message) const override { return codec_->IdOf(message); }
  Route RouteOf(const Message& message) const override {
    (void)Fault(at == At::route && how == How::throws);
    return codec_->RouteOf(message);
  }

 private:
  absl::Status Fault(bool here) const {
    if (!here) return absl::OkStatus();
    if (how == How::throws) throw std::runtime_error("a codec's fault");
    return absl::InvalidArgumentError("a codec's fault");
  }

  const std::shared_ptr<const MessageCodec<Message>> codec_ = NewCompactCodec();
};

// One program with client and server, and faulty parts.
class PartsFaults : public EveryTransport {
 protected:
  void SetUp() override {
    EveryTransport::SetUp();
    SetLogSink([](Severity, absl::string_view, absl::string_view) {});
  }
  void TearDown() override {
    SetLogSink({});
    EveryTransport::TearDown();
  }
  Side& NewFaultySide(bool in_line) {
    Side::Options options;
    options.message_codec = codec_;
    options.limits.window_requests = 1;  // a request that is forgotten would block the next
    if (in_line) options.executor = NewInlineExecutor();
    return NewSide(std::move(options));
  }
  const std::shared_ptr<FaultyCodec> codec_ = std::make_shared<FaultyCodec>();
};

TEST_P(PartsFaults, ACodecThatThrowsOrFailsEndsItsMessageAndNoOther) {
  using At = FaultyCodec::At;
  struct Case {
    At at;
    absl::StatusCode ends;  // how the request does
  };
  const Case cases[] = {{At::encode_request, absl::StatusCode::kInvalidArgument},
                        {At::encode_reply, absl::StatusCode::kInvalidArgument},
                        {At::encode_reply_and_error, absl::StatusCode::kDeadlineExceeded},
                        {At::decode, absl::StatusCode::kInvalidArgument},
                        {At::peek, absl::StatusCode::kDeadlineExceeded},
                        {At::decode_error, absl::StatusCode::kInvalidArgument}};
  for (const bool in_line : {false, true}) {
    Side& server = NewFaultySide(in_line);
    Side& client = NewFaultySide(in_line);
    Router<Message> router;
    router.Otherwise([](Message message, CallContext, Responder<Message> responder) { (void)responder.Reply(message); });
    router.On(2,
              [](Message, CallContext, Responder<Message> responder) { (void)responder.Fail(absl::AbortedError("asked for")); });
    Listener listener = server.Listen(FreshKey(), std::move(router));
    auto transport = client.Open(listener.bound_key());
    for (const auto how : {FaultyCodec::How::throws, FaultyCodec::How::fails}) {
      for (const Case& fault : cases) {
        SCOPED_TRACE(testing::Message() << "fault " << static_cast<int>(fault.at) << ", inline " << in_line << ", throws "
                                        << (how == FaultyCodec::How::throws));
        const Message message = Message::Text(fault.at == At::decode_error ? 2 : 1, "?");
        codec_->how = how;
        codec_->at = fault.at;
        Outcomes outcomes;
        const SendOptions options{.timeout = absl::Milliseconds(fault.ends == absl::StatusCode::kDeadlineExceeded ? 50 : 20'000)};
        const absl::Status sent = outcomes.Ask(transport, message, options);
        outcomes.Wait();
        EXPECT_EQ(sent.ok() ? outcomes.ended(fault.ends) : sent.code() == fault.ends, 1) << sent << outcomes.last();
        EXPECT_EQ(transport.SyncSend(message, options).status().code(), fault.ends);
        codec_->at = At::nowhere;
        const absl::StatusOr<Message> after = transport.SyncSend(Message::Text("after"));
        ASSERT_TRUE(after.ok()) << after.status();
        EXPECT_EQ(after->text(), "after");
      }
    }
  }
}

TEST_P(PartsFaults, ACodecThatThrowsWhileRoutingAnswersInternal) {
  for (const bool in_line : {false, true}) {
    Side& server = NewFaultySide(in_line);
    Side& client = NewFaultySide(in_line);
    Listener listener = server.Listen(FreshKey(), Echo());
    auto transport = client.Open(listener.bound_key());
    codec_->at = FaultyCodec::At::route;
    EXPECT_TRUE(absl::IsInternal(transport.SyncSend(Message::Text("?")).status()));
    codec_->at = FaultyCodec::At::nowhere;
    EXPECT_TRUE(transport.SyncSend(Message::Text("?")).ok());
  }
}

class ThrowingObserver final : public Observer {
 public:
  std::atomic<int> seen{0};
  void OnPacketIn(const ObservedTransport&, const MessageHeader&, const Payload&) override { Throw(); }
  void OnPacketOut(const ObservedTransport&, const MessageHeader&, const Payload&) override { Throw(); }
  void OnCallBegin(const ObservedTransport&, const MessageHeader&) override { Throw(); }
  void OnCallEnd(const ObservedTransport&, const MessageHeader&, const absl::Status&) override { Throw(); }

 private:
  void Throw() {
    ++seen;
    throw std::runtime_error("an observer's fault");
  }
};

TEST_P(PartsFaults, AnObserverThatThrowsHurtsNobody) {
  const auto observer = std::make_shared<ThrowingObserver>();
  const auto observed = [&] {
    Side::Options options;
    options.observer = observer;
    return options;
  };
  Side& server = NewSide(observed());
  Side& client = NewSide(observed());
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto transport = client.Open(listener.bound_key());
  Outcomes outcomes;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 20) << outcomes.last();
  EXPECT_EQ(observer->seen, 20 * 6);
}

TEST_P(PartsFaults, ABufferPoolThatRefusesEndsWhatNeedsIt) {
  Side::Options poor;
  poor.buffers = NewBufferPool({.max_bytes = 512 << 10, .max_idle_bytes = 0});
  Side& server = NewSide(std::move(poor));
  Side& client = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  Outcomes outcomes;
  Message large;  // of pieces, for in process one large piece needs no block
  for (int i = 0; i < 40; ++i) large.body.push_back(Buffer::Adopt(std::string(50'000, 'x')));
  EXPECT_TRUE(outcomes.Ask(client.Open(listener.bound_key()), large).ok());
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), 1) << outcomes.last().substr(0, 100);
  const absl::StatusOr<Message> after = client.rain().SyncSend(client.protocol(), listener.bound_key(), Message::Text("small"));
  EXPECT_TRUE(after.ok()) << after.status();
}

using InProcess = FaultRig;

TEST_F(InProcess, ALargeBodyThatNoPoolHasABlockForGoesThereAndBackAsItIs) {
  const auto new_poor_side = [this]() -> Side& {
    Side::Options poor;
    poor.buffers = NewBufferPool({.max_bytes = 512 << 10, .max_idle_bytes = 0});
    return NewSide(std::move(poor));
  };
  Side& server = new_poor_side();
  Side& client = new_poor_side();
  const Listener listener = server.Listen(FreshKey("inproc"), Echo());
  const Message sent = Message::Text(std::string(4 << 20, 'x'));
  const absl::StatusOr<Message> reply = client.rain().SyncSend(client.protocol(), listener.bound_key(), sent);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.back().data(), sent.body.front().data());
  EXPECT_EQ(reply->body.back().size(), sent.body.front().size());
}

RAIN_ON_EVERY_TRANSPORT(PartsFaults);

}  // namespace
}  // namespace rain
