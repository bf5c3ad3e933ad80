// Whole services on codecs whose messages are not Message: what the engine makes of their ids, kinds and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/capnp_struct_fixture_test.h"
#include "listenrain/codecs/delimiter.h"
#include "listenrain/codecs/json_rpc.h"
#include "listenrain/codecs/raw_message.h"
#include "listenrain/framework/status.h"
#include "listenrain/listenrain.h"

namespace rain {
namespace {

using absl::StatusCode;

// A program with one protocol of messages M and a server of it.
template <class M>
class Service {
 public:
  Service(ProtocolSpec<M> spec, Router<M> router)
      : protocol_(rain_->Register(std::move(spec)).value()),
        listener_(rain_->Listen(protocol_, "tcp://127.0.0.1:0", std::move(router)).value()) {}

  absl::StatusOr<M> Ask(const M& message) { return rain_->SyncSend(protocol_, listener_.bound_key(), message); }
  absl::Status Post(const M& message) { return rain_->Post(protocol_, listener_.bound_key(), message); }
  // The outcome, once it is there.
  absl::StatusOr<std::future<absl::StatusOr<M>>> Send(const M& message) {
    const auto outcome = std::make_shared<std::promise<absl::StatusOr<M>>>();
    std::future<absl::StatusOr<M>> future = outcome->get_future();
    absl::Status sent = rain_->Send(protocol_, listener_.bound_key(), message,
                                    [outcome](absl::StatusOr<M> reply) { outcome->set_value(std::move(reply)); });
    if (!sent.ok()) return sent;
    return future;
  }

 private:
  const std::unique_ptr<ListenRain> rain_ = NewListenRain().value();
  const Protocol<M> protocol_;
  Listener listener_;
};

Payload BodyOf(std::string text) { return Payload(Buffer::Adopt(std::move(text))); }

TEST(RawService, EveryReplyFindsItsRequestByTheIdThatItCarries) {
  Router<RawMessage> router;
  router.Otherwise([](RawMessage request, const CallContext&, Responder<RawMessage> responder) {
    EXPECT_TRUE(responder.Reply({.body = BodyOf(request.id + request.text())}).ok());
  });
  Service<RawMessage> service({.name = "raw", .message_codec = NewRawMessageCodec()}, std::move(router));
  std::vector<std::future<absl::StatusOr<RawMessage>>> outcomes;
  for (uint64_t number = 0; number < 100; ++number) {
    outcomes.push_back(*service.Send({.id = RawMessageId(number), .body = BodyOf("?")}));
  }
  for (uint64_t number = 0; number < 100; ++number) {
    const absl::StatusOr<RawMessage> reply = outcomes[number].get();
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->id, RawMessageId(number));
    EXPECT_EQ(reply->text(), RawMessageId(number) + "?");
  }
}

TEST(RawService, AnIdInFlightIsTakenAndOneOfAnotherWidthIsRefused) {
  std::promise<Responder<RawMessage>> asked;
  Router<RawMessage> router;
  router.Otherwise(
      [&asked](RawMessage, const CallContext&, Responder<RawMessage> responder) { asked.set_value(std::move(responder)); });
  Service<RawMessage> service({.name = "raw", .message_codec = NewRawMessageCodec()}, std::move(router));
  auto first = *service.Send({.id = RawMessageId(1)});
  Responder<RawMessage> responder = asked.get_future().get();
  EXPECT_EQ(service.Ask({.id = RawMessageId(1)}).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(service.Ask({.id = "short"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(service.Ask({}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(responder.Reply({}).ok());
  EXPECT_TRUE(first.get().ok());
}

Router<JsonRpcMessage> Sums(std::promise<std::string>* posted) {
  Router<JsonRpcMessage> router;
  router.On("echo", [](JsonRpcMessage request, const CallContext&, Responder<JsonRpcMessage> responder) {
    EXPECT_TRUE(responder.Reply({.result = request.params}).ok());
  });
  router.On("fail", [](JsonRpcMessage, const CallContext&, Responder<JsonRpcMessage> responder) {
    EXPECT_TRUE(responder.Fail(WithJsonRpcCode(WithDetail(absl::UnknownError("sold out"), "[1]"), 1404)).ok());
  });
  router.On("post", [posted](JsonRpcMessage request, const CallContext&, Responder<JsonRpcMessage> responder) {
    EXPECT_FALSE(responder.expected());
    posted->set_value(request.params);
  });
  return router;
}

TEST(JsonRpcService, AnswersInLines) {
  std::promise<std::string> posted;
  Service<JsonRpcMessage> service({.name = "json", .message_codec = NewJsonRpcCodec(), .packet_codec = NewDelimiterCodec()},
                                  Sums(&posted));
  const auto reply = service.Ask({.method = "echo", .params = R"({"a":[1,2]})"});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->result, R"({"a":[1,2]})");
  EXPECT_TRUE(service.Post({.method = "post", .params = "[7]"}).ok());
  EXPECT_EQ(posted.get_future().get(), "[7]");
}

TEST(JsonRpcService, ErrorsComeFromTheEngineAndFromHandlers) {
  std::promise<std::string> posted;
  Service<JsonRpcMessage> service({.name = "json", .message_codec = NewJsonRpcCodec(), .packet_codec = NewDelimiterCodec()},
                                  Sums(&posted));
  const absl::Status unknown = service.Ask({.method = "nothing"}).status();
  EXPECT_EQ(unknown.code(), StatusCode::kNotFound);
  EXPECT_EQ(OriginOf(unknown), Origin::peer);
  const absl::Status failed = service.Ask({.method = "fail"}).status();
  EXPECT_EQ(failed.code(), StatusCode::kUnknown);
  EXPECT_EQ(JsonRpcCodeOf(failed), 1404);
  EXPECT_EQ(DetailOf(failed), "[1]");
  // A line feed in the text cannot be framed: the message ends, and the channel does not.
  EXPECT_EQ(service.Ask({.method = "echo", .params = "[1,\n2]"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(service.Ask({.method = "echo", .params = "[1,2]"}).ok());
}

TEST(CapnpStructService, AnswersWithAStructOfTheProgramsOwn) {
  Router<Order> router;
  router.On("orders/double", [](Order request, const CallContext&, Responder<Order> responder) {
    EXPECT_TRUE(responder.Reply(MakeOrder("not this id", "done", 2 * request.reader().getLines().size())).ok());
  });
  Service<Order> service({.name = "orders", .message_codec = NewOrderCodec()}, std::move(router));
  const auto reply = service.Ask(MakeOrder("a", "orders/double", 3));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(View(reply->reader().getKey()), "a");
  EXPECT_EQ(reply->reader().getLines().size(), 6u);
  const auto large = service.Ask(MakeOrder("b", "orders/double", 20'000));  // in two pieces
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(large->reader().getLines().size(), 40'000u);
  EXPECT_EQ(service.Ask(MakeOrder("c", "orders/none", 0)).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(service.Ask(MakeOrder("", "orders/double", 0)).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace rain
