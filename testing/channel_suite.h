// The channel suite: what every Channel must do with its ChannelGenerator, as checks that tell what is wrong. For users'
// channels as for ours.
//
//   class MyChannel : public testing::TestWithParam<rain::ChannelCheck> {};
//   TEST_P(MyChannel, Conforms) { EXPECT_THAT(GetParam().run({.scheme = NewMyScheme, .listen_key = "my:here"}),
//   testing::IsEmpty()); } INSTANTIATE_TEST_SUITE_P(Suite, MyChannel, testing::ValuesIn(rain::ChannelChecks()),
//   rain::ChannelCheckName());
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/transport_key.h"
#include "listenrain/testing/violations.h"

namespace rain {

struct ChannelSubject {
  // The scheme under test; called once by each check.
  std::function<TransportScheme()> scheme;
  // To listen on, again and again; what is dialed is the listener's bound_key().
  TransportKey listen_key;
  // The loop that the channels live on. Null: a manual one, where a check sees at once that nothing more happens.
  std::function<std::shared_ptr<Loop>()> new_loop;
  // The dialer's end lives on one loop and the acceptor's on another.
  bool two_loops = false;
  // In the large transfers, each way.
  size_t large_bytes = size_t{32} << 20;
  // How much of what is written to a peer that does not read may be taken: the pipe, or the system's buffers.
  size_t most_taken_bytes = size_t{64} << 20;
  // How many descriptors are open now, or what else the channels could leak. May be null.
  std::function<size_t()> open_descriptors;
  // How long a check waits for what must happen, by the loop's clock. Only a failing check waits that long.
  absl::Duration patience = absl::Seconds(10);
};

struct ChannelCheck {
  const char* name;
  Violations (*run)(const ChannelSubject&);
};

const std::vector<ChannelCheck>& ChannelChecks();

// For INSTANTIATE_TEST_SUITE_P.
struct ChannelCheckName {
  template <class ParamInfo>
  std::string operator()(const ParamInfo& info) const {
    return info.param.name;
  }
};

// All of them; each violation begins with its check's name.
Violations CheckChannel(const ChannelSubject& subject);

}  // namespace rain
