// How a service is tested: in process, without a socket, a thread or a sleep. A manual loop turns when the test says so, and time
// moves when the test moves it.
#include "listenrain/examples/unit_test_your_service/stock.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/transports/inproc.h"

namespace shop {
namespace {

using rain::Message;

class StockTest : public testing::Test {
 protected:
  static std::unique_ptr<rain::ListenRain> NewRain(const std::shared_ptr<rain::Loop>& loop) {
    rain::ListenRainOptions options;
    options.loops = {loop};
    options.executor = rain::NewInlineExecutor();        // handlers and callbacks run inside the loop's turns
    options.schemes.push_back(rain::NewInprocScheme());  // a network of this test's own
    return *rain::NewListenRain(std::move(options));
  }
  ~StockTest() override {
    rain_->Stop();
    loop_->RunUntilIdle();
  }

  void Serve(rain::Router<Message> router) { listener_ = *rain_->Listen(protocol_, "inproc://stock", std::move(router)); }
  // What became of a request, once nothing is left to do at this moment of time.
  std::optional<absl::StatusOr<Message>> Take(const char* thing, absl::Duration timeout = absl::Seconds(5)) {
    outcome_.reset();
    const auto tell = [this](absl::StatusOr<Message> reply) { outcome_ = std::move(reply); };
    EXPECT_TRUE(rain_->Send(protocol_, "inproc://stock", Message::Text("take", thing), tell, {.timeout = timeout}).ok());
    loop_->RunUntilIdle();
    return outcome_;
  }

  const std::shared_ptr<rain::ManualLoop> loop_ = std::make_shared<rain::ManualLoop>();
  const std::unique_ptr<rain::ListenRain> rain_ = NewRain(loop_);
  const rain::Protocol<Message> protocol_ = *rain::RegisterMessages(*rain_);
  rain::Listener listener_;
  std::optional<absl::StatusOr<Message>> outcome_;
};

TEST_F(StockTest, GivesWhatThereIsUntilNothingIsLeft) {
  Stock stock({{"umbrella", 1}});
  Serve(stock.Service());
  EXPECT_EQ((*Take("umbrella"))->text(), "one umbrella");
  EXPECT_EQ(Take("umbrella")->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Take("raincoat")->status().code(), absl::StatusCode::kNotFound);
}

// An hour's patience is tested in no time.
TEST_F(StockTest, AClientWaitsAsLongAsItSaid) {
  rain::Router<Message> slow;
  std::optional<rain::Responder<Message>> unanswered;
  slow.On("take", [&](Message, rain::CallContext, rain::Responder<Message> responder) { unanswered = std::move(responder); });
  Serve(std::move(slow));
  EXPECT_FALSE(Take("umbrella", absl::Hours(1)).has_value());
  loop_->Advance(absl::Minutes(59));
  EXPECT_FALSE(outcome_.has_value());
  loop_->Advance(absl::Minutes(1));
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->status().code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace shop
