#include "listenrain/framework/protocol_register_table.h"

#include <gtest/gtest.h>

#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/testing/line_codec.h"

namespace rain {
namespace {

ProtocolSpec<Message> Good(const std::string& name) {
  ProtocolSpec<Message> spec;
  spec.name = name;
  spec.message_codec = NewCompactCodec();
  return spec;
}

TEST(ProtocolRegisterTable, FillsInWhatIsNotSaid) {
  const auto framing = NewLengthPrefixCodec();
  const auto executor = NewInlineExecutor();
  ProtocolRegisterTable table(framing, executor);
  const auto protocol = table.Register(Good("a"));
  ASSERT_TRUE(protocol.ok()) << protocol.status();
  EXPECT_EQ(protocol->parts()->packet_codec, framing);
  EXPECT_EQ(protocol->parts()->executor, executor);
  EXPECT_EQ(protocol->parts()->index, 0u);
  EXPECT_EQ(table.Register(Good("b"))->parts()->index, 1u);
  EXPECT_EQ(table.All().size(), 2u);
}

TEST(ProtocolRegisterTable, NamesWhatIsWrong) {
  ProtocolRegisterTable table(NewLengthPrefixCodec(), NewInlineExecutor());
  const auto expect_refused = [&](ProtocolSpec<Message> spec, absl::string_view what) {
    const auto protocol = table.Register(std::move(spec));
    ASSERT_TRUE(absl::IsInvalidArgument(protocol.status())) << protocol.status();
    EXPECT_NE(protocol.status().message().find(what), absl::string_view::npos) << protocol.status();
  };
  expect_refused(Good(""), "no name");
  auto spec = Good("x");
  spec.message_codec = nullptr;
  expect_refused(std::move(spec), "message_codec");
  spec = Good("x");
  spec.timeout = absl::ZeroDuration();
  expect_refused(std::move(spec), "timeout");
  spec = Good("x");
  spec.limits.window_requests = 0;
  expect_refused(std::move(spec), "limits");
  spec = Good("x");
  spec.limits.stall = -absl::Seconds(1);
  expect_refused(std::move(spec), "stall");
  ASSERT_TRUE(table.Register(Good("x")).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(table.Register(Good("x")).status()));
  EXPECT_EQ(table.All().size(), 1u) << "a refused protocol was kept";
}

TEST(ProtocolRegisterTable, ARouterOnDialedTransportsNeedsKinds) {
  ProtocolRegisterTable table(NewLinePacketCodec(), NewInlineExecutor());
  ProtocolSpec<std::string> spec;
  spec.name = "lines";
  spec.message_codec = NewLineCodec();
  spec.router.Otherwise([](std::string, CallContext, Responder<std::string>) {});
  const auto protocol = table.Register(std::move(spec));
  EXPECT_TRUE(absl::IsInvalidArgument(protocol.status())) << protocol.status();
}

TEST(ProtocolRegisterTable, WithoutDefaultsThePartsMustBeNamed) {
  ProtocolRegisterTable table(nullptr, nullptr);
  EXPECT_TRUE(absl::IsInvalidArgument(table.Register(Good("x")).status()));
}

}  // namespace
}  // namespace rain
