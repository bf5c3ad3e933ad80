// Channels, generators and schemes that are wrong in one way each. Used by channel_mutants_test.cc alone.
#pragma once

#include <string>
#include <vector>

#include "listenrain/framework/channel_generator.h"

namespace rain {

// A scheme whose channels are wrong in one way.
struct ChannelMutant {
  std::string name;
  std::string shows_as;  // a part of the violation that tells what is wrong with it
  TransportScheme (*scheme)();
};

// Made from inproc channels.
std::vector<ChannelMutant> ByteMutants();
std::vector<ChannelMutant> EventMutants();
std::vector<ChannelMutant> GeneratorMutants();

// What LeaksDescriptors leaks.
size_t LeakedByMutants();

}  // namespace rain
