// EngineFixture: a whole ListenRain on a manual loop, in process, so that a test owns time and order. For tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/listen_rain.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/transports/inproc.h"

namespace rain {

// Thread: one. Client and server are the same ListenRain: one protocol may do for both.
class EngineFixture : public testing::Test {
 protected:
  explicit EngineFixture(std::shared_ptr<Executor> executor = NewInlineExecutor(), std::shared_ptr<Observer> observer = nullptr) {
    ListenRain::Parts parts;
    parts.loops = {loop_};
    parts.buffers = buffers_;
    parts.executor = std::move(executor);
    parts.packet_codec = NewLengthPrefixCodec();
    parts.schemes.push_back(NewInprocScheme());
    parts.observer = std::move(observer);
    rain_ = std::make_unique<ListenRain>(std::move(parts));
  }
  // While what the test's outcomes and handlers refer to is still there.
  void TearDown() override {
    listeners_.clear();
    rain_->Stop();
    Settle();
  }

  ProtocolSpec<Message> MessagesSpec(const std::string& name) {
    ProtocolSpec<Message> spec;
    spec.name = name;
    spec.message_codec = NewCompactCodec();
    return spec;
  }
  template <class M>
  Protocol<M> Register(ProtocolSpec<M> spec) {
    auto protocol = rain_->Register(std::move(spec));
    EXPECT_TRUE(protocol.ok()) << protocol.status();
    return *std::move(protocol);
  }
  template <class M>
  void Serve(const Protocol<M>& protocol, const std::string& key, typename Router<M>::Handler handler) {
    Router<M> router;
    router.Otherwise(std::move(handler));
    auto listener = rain_->Listen(protocol, key, std::move(router));
    ASSERT_TRUE(listener.ok()) << listener.status();
    listeners_.push_back(*std::move(listener));
    Settle();
  }
  template <class M>
  void ServeEcho(const Protocol<M>& protocol, const std::string& key) {
    Serve<M>(protocol, key, [](M message, CallContext, Responder<M> responder) { EXPECT_TRUE(responder.Reply(message).ok()); });
  }
  void Settle() { EXPECT_TRUE(loop_->RunUntilIdle()); }
  template <class M>
  void ExpectBalanced(const Protocol<M>& protocol) {
    const Stats stats = rain_->StatsOf(protocol);
    EXPECT_TRUE(stats.Balanced()) << stats.started << " started, " << stats.replied << " replied, " << stats.timed_out
                                  << " timed out, " << stats.cancelled << " cancelled, " << stats.failed << " failed, "
                                  << stats.in_flight << " in flight";
  }

  std::shared_ptr<BufferPool> buffers_ = NewBufferPool();
  std::shared_ptr<ManualLoop> loop_ = std::make_shared<ManualLoop>();
  std::unique_ptr<ListenRain> rain_;
  std::vector<Listener> listeners_;
};

// What became of one request.
template <class M>
struct Outcome {
  int told = 0;
  absl::StatusOr<M> result = absl::UnknownError("not told");

  Callback<M> callback() {
    return [this](absl::StatusOr<M> outcome) {
      ++told;
      result = std::move(outcome);
    };
  }
};

}  // namespace rain
