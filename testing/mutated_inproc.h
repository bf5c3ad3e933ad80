// Schemes that are the inproc scheme but for one change.
#pragma once

#include <memory>
#include <utility>

#include "listenrain/testing/forwarding_channel.h"
#include "listenrain/transports/inproc.h"

namespace rain {

// Its channels are wrapped in `Mutant`, a ForwardingChannel.
template <class Mutant>
TransportScheme Mutate() {
  return WrapScheme(NewInprocScheme(), [](std::unique_ptr<ChannelGenerator> generator) {
    return std::make_unique<ForwardingGenerator>(std::move(generator), [](std::unique_ptr<Channel> channel) {
      return std::unique_ptr<Channel>(std::make_unique<Mutant>(std::move(channel)));
    });
  });
}

// Its generators are wrapped in `Mutant`, a ForwardingGenerator.
template <class Mutant>
TransportScheme MutateGenerators() {
  return WrapScheme(NewInprocScheme(),
                    [](std::unique_ptr<ChannelGenerator> generator) { return std::make_unique<Mutant>(std::move(generator)); });
}

}  // namespace rain
