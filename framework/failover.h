// Failover: the channel generator of a key that lists several endpoints.
#pragma once

#include <memory>
#include <vector>

#include "listenrain/framework/channel_generator.h"

namespace rain {

// Asks the endpoints' own generators, in order: the first one is the active endpoint, the others stand by. One that failed, or
// whose channel died, comes behind the others for as long as its own generator says, so that a black hole is asked last. While
// a later endpoint serves, the earlier ones are tried again now and then, for ReviewAfter.
std::unique_ptr<ChannelGenerator> NewFailover(TransportKey key, std::vector<std::unique_ptr<ChannelGenerator>> endpoints);

}  // namespace rain
