// The channel suite's checks, by what they look at. Used by channel_suite.cc alone.
#pragma once

#include <vector>

#include "listenrain/testing/channel_rig.h"
#include "listenrain/testing/channel_suite.h"

namespace rain {

// In the order in which they are best read, and run.
void AddDataChecks(std::vector<ChannelCheck>& checks);
void AddEndChecks(std::vector<ChannelCheck>& checks);
void AddDeathChecks(std::vector<ChannelCheck>& checks);
void AddGeneratorChecks(std::vector<ChannelCheck>& checks);

// A check from what it does in a rig that listens.
template <void (*check)(ChannelRig&)>
Violations InRig(const ChannelSubject& subject) {
  ChannelRig rig(subject);
  if (rig.listener() != nullptr) check(rig);
  return rig.Finish();
}

// Writes until more than one write pends. False, and reported, if a peer that does not read takes more than it may.
bool WriteUntilPending(ChannelRig& rig, WatchedChannel& end);

// Writes until the peer, which does not read, takes no more, and much pends. False, and reported, as above.
bool WriteUntilStalled(ChannelRig& rig, WatchedChannel& end);

// Waits until the end has read so many bytes in all.
bool AwaitRead(ChannelRig& rig, WatchedChannel& end, uint64_t bytes);

// Waits until the end is closed, with this status.
void ExpectClosed(ChannelRig& rig, WatchedChannel& end, const absl::Status& why);

// Waits until the end sees that its peer is no more: by OnEnd, or by an OnClosed that is UNAVAILABLE.
void ExpectLearns(ChannelRig& rig, WatchedChannel& end);

}  // namespace rain
