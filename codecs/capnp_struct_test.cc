#include "listenrain/codecs/capnp_struct.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "listenrain/codecs/capnp_struct_fixture_test.h"
#include "listenrain/codecs/encoded_test.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/protocol_register_table.h"
#include "listenrain/testing/message_codec_suite.h"

namespace rain {
namespace {

using absl::StatusCode;

template <class M>
absl::StatusOr<M> Decoded(const MessageCodec<M>& codec, const std::string& bytes) {
  return codec.DecodeMessage({}, Payload(Buffer::Adopt(bytes)));
}

TEST(CapnpStruct, IsReadAsItWasMade) {
  const Job job = MakeJob(7, "sum", "1 2 3");
  EXPECT_EQ(job.reader().getId(), 7u);
  EXPECT_EQ(DescribeJob(job), "sum, 5 bytes, 1 2 3");
}

TEST(CapnpStruct, ThatIsEmptyHasDefaultsAndTravels) {
  EXPECT_EQ(DescribeJob(Job()), ", 0 bytes, ");
  const auto payload = Encoded(*NewJobCodec(), {}, Job());
  EXPECT_EQ(DescribeJob(*Decoded(*NewJobCodec(), ToString(*payload))), ", 0 bytes, ");
}

TEST(CapnpStruct, ThatWasMovedFromIsEmpty) {
  Job job = MakeJob(7, "sum", "1 2 3");
  const Job taken = std::move(job);
  EXPECT_EQ(DescribeJob(job), ", 0 bytes, ");  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(DescribeJob(taken), "sum, 5 bytes, 1 2 3");
}

TEST(CapnpStructCodec, WritesAStructWithItsIdAsItIs) {
  const Job job = MakeJob(7, "sum", std::string(kReferenceBytes, 'b'));
  const Payload payload = Encoded(*NewJobCodec(), {.id = MsgId(uint64_t{7})}, job).value();
  ASSERT_EQ(payload.size(), 1u);
  EXPECT_EQ(payload[0].data(), job.words()->bytes().data());
}

TEST(CapnpStructCodec, AReplyHasItsRequestsIdAndKind) {
  const Order order = MakeOrder("mine", "find", 3);
  const Payload payload = Encoded(*NewOrderCodec(), {.id = MsgId("theirs"), .kind = MessageKind::reply}, order).value();
  const MessageHeader header = NewOrderCodec()->PeekHeader(payload, Role::dialer).value();
  EXPECT_EQ(header.id, MsgId("theirs"));
  EXPECT_EQ(header.kind, MessageKind::reply);
  EXPECT_EQ(DescribeOrder(*Decoded(*NewOrderCodec(), ToString(payload))), DescribeOrder(order));
  EXPECT_EQ(View(order.reader().getKey()), "mine");  // the message itself is as it was
}

TEST(CapnpStructCodec, SendsOneMessageToMany) {
  const auto codec = NewOrderCodec();
  const Order received =
      Decoded(*codec, ToString(*Encoded(*codec, {.kind = MessageKind::request}, MakeOrder("a", "all", 2000)))).value();
  for (int i = 0; i < 2000; ++i) {  // more, in all, than Cap'n Proto reads of one message
    const MessageHeader header{.id = MsgId(absl::string_view(absl::StrCat("peer ", i))), .kind = MessageKind::reply};
    ASSERT_TRUE(Encoded(*codec, header, received).ok()) << i;
  }
}

TEST(CapnpStructCodec, ReadsMessagesOfSeveralSegments) {
  capnp::MallocMessageBuilder builder(8, capnp::AllocationStrategy::FIXED_SIZE);
  auto job = builder.initRoot<schema::Job>();
  job.setId(9);
  job.setName(TextOf(std::string(300, 'n')));
  ASSERT_GT(builder.getSegmentsForOutput().size(), 1u);
  const auto words = capnp::messageToFlatArray(builder);
  const auto decoded = Decoded(*NewJobCodec(), std::string(words.asChars().begin(), words.asChars().size()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(DescribeJob(*decoded), std::string(300, 'n') + ", 0 bytes, ");
}

TEST(CapnpStructCodec, ReadsUnalignedPayloads) {
  const std::string bytes = "x" + std::string(MakeJob(7, "sum", "b").words()->bytes().view());
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string shifted = std::string(shift, ' ') + bytes;
    Buffer buffer = Buffer::Adopt(shifted);
    buffer.RemovePrefix(shift + 1);
    const auto decoded = NewJobCodec()->DecodeMessage({}, Payload(std::move(buffer)));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(DescribeJob(*decoded), "sum, 1 bytes, b");
  }
}

TEST(CapnpStructCodec, RefusesWhatIsNotOneMessage) {
  const std::string bytes(MakeJob(7, "sum", "b").words()->bytes().view());
  EXPECT_EQ(Decoded(*NewJobCodec(), "").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Decoded(*NewJobCodec(), bytes + "x").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Decoded(*NewJobCodec(), bytes + std::string(8, '\0')).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Decoded(*NewJobCodec(), std::string(8, '\xff')).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(NewJobCodec()->PeekHeader(Payload(), Role::acceptor).status().code(), StatusCode::kInvalidArgument);
}

TEST(CapnpStructCodec, RefusesHalfOfAPair) {
  const auto refused = [](auto change) {
    CapnpStructOptions<schema::Order> options = OrderOptions();
    change(options);
    return NewCapnpStructCodec<schema::Order>(std::move(options)).status().code() == StatusCode::kInvalidArgument;
  };
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& options) { options.id = nullptr; }));
  EXPECT_TRUE(refused([](auto& options) { options.set_id = nullptr; }));
  EXPECT_TRUE(refused([](auto& options) { options.set_kind = nullptr; }));
  EXPECT_TRUE(refused([](auto& options) { options.error = nullptr; }));
  EXPECT_TRUE(refused([](auto& options) { options.kind = nullptr, options.set_kind = nullptr; }));
}

TEST(CapnpStructCodec, KindsThatAreAHeaderAloneAreRefused) {
  for (const MessageKind kind : {MessageKind::cancel, MessageKind::ping, MessageKind::pong, MessageKind::go_away}) {
    CapnpStructOptions<schema::Order> options = OrderOptions();
    options.more_kinds |= Bit(kind);
    ProtocolRegisterTable table(NewLengthPrefixCodec(), NewInlineExecutor());
    const auto protocol = table.Register<Order>({.name = "orders", .message_codec = *NewCapnpStructCodec(std::move(options))});
    EXPECT_TRUE(absl::IsInvalidArgument(protocol.status())) << protocol.status();
    EXPECT_NE(protocol.status().message().find("header alone"), absl::string_view::npos) << protocol.status();
  }
}

TEST(CapnpStructCodec, WithoutAPlaceForErrorsHasNone) {
  const auto codec = NewJobCodec();
  const auto pool = NewBufferPool();
  PooledWriter writer(*pool, 1 << 20);
  ASSERT_TRUE(writer.Begin().ok());
  EXPECT_FALSE(codec->traits().Has(MessageKind::error));
  EXPECT_EQ(codec->EncodeError({}, absl::NotFoundError(""), writer).code(), StatusCode::kFailedPrecondition);
}

class JobMessages : public testing::TestWithParam<MessageCodecCheck> {};

TEST_P(JobMessages, Conform) {
  std::vector<Job> jobs;
  jobs.push_back(MakeJob(1, "", ""));
  jobs.push_back(MakeJob(UINT64_MAX, "sum", std::string("\0\xff", 2)));
  jobs.push_back(MakeJob(uint64_t{1} << 63, "large", std::string(70'000, 'l')));
  auto subject = NewMessageCodecSubject<Job>(NewJobCodec(), std::move(jobs), DescribeJob);
  for (auto& sample : subject.samples) sample.strict = true;
  EXPECT_THAT(GetParam().run(subject), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, JobMessages, testing::ValuesIn(MessageCodecChecks()), MessageCodecCheckName());

class OrderMessages : public testing::TestWithParam<MessageCodecCheck> {};

TEST_P(OrderMessages, Conform) {
  std::vector<Order> orders;
  orders.push_back(MakeOrder("a", "", 0));
  orders.push_back(MakeOrder("123e4567-e89b-12d3-a456-426614174000", "orders/new", 3));
  orders.push_back(MakeOrder("c", "orders/all", 500));
  auto subject = NewMessageCodecSubject<Order>(NewOrderCodec(), std::move(orders), DescribeOrder);
  for (auto& sample : subject.samples) sample.strict = true;
  EXPECT_THAT(GetParam().run(subject), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, OrderMessages, testing::ValuesIn(MessageCodecChecks()), MessageCodecCheckName());

}  // namespace
}  // namespace rain
