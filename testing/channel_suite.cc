#include "listenrain/testing/channel_suite.h"

#include "absl/strings/str_cat.h"
#include "listenrain/testing/channel_checks.h"

namespace rain {

const std::vector<ChannelCheck>& ChannelChecks() {
  static const auto& checks = *[] {
    auto* all = new std::vector<ChannelCheck>;
    AddDataChecks(*all);
    AddEndChecks(*all);
    AddDeathChecks(*all);
    AddGeneratorChecks(*all);
    return all;
  }();
  return checks;
}

Violations CheckChannel(const ChannelSubject& subject) {
  Violations violations;
  for (const ChannelCheck& check : ChannelChecks()) {
    for (const std::string& violation : check.run(subject)) violations.push_back(absl::StrCat(check.name, ": ", violation));
  }
  return violations;
}

namespace {

// A channel may begin with a handshake, and take nothing until it is done: what pends then is not the reader's doing.
bool WriteAFirstByte(ChannelRig& rig, WatchedChannel& end) {
  rig.On(end, [&] { end.Write(1); });
  return rig.Await(end, "the first byte taken", [&] { return end.taken() > 0 && !end.owes_drained(); });
}

}  // namespace

bool WriteUntilPending(ChannelRig& rig, WatchedChannel& end) {
  if (!WriteAFirstByte(rig, end)) return false;
  bool pends = false;
  uint64_t taken = 0;
  while (!pends && taken <= rig.subject().most_taken_bytes) {
    rig.On(end, [&] {
      end.Write(64 << 10, 2);
      taken = end.taken();
      pends = end.pending() >= size_t{64} << 10;
    });
  }
  rig.Expect(pends, "a peer that does not read took ", taken, " bytes");
  return pends;
}

bool WriteUntilStalled(ChannelRig& rig, WatchedChannel& end) {
  if (!WriteAFirstByte(rig, end)) return false;
  uint64_t taken = 0;
  while (taken <= rig.subject().most_taken_bytes) {
    bool stalled = false;
    rig.On(end, [&] { end.Write(64 << 10, 3); });
    rig.Settle();
    rig.On(end, [&] {
      stalled = end.pending() >= size_t{1} << 20 && end.taken() == taken;
      taken = end.taken();
    });
    if (stalled) return true;
  }
  rig.Expect(false, "a peer that does not read took ", taken, " bytes");
  return false;
}

bool AwaitRead(ChannelRig& rig, WatchedChannel& end, uint64_t bytes) {
  return rig.Await(end, absl::StrCat("a peer's ", bytes, " bytes, all read"), [&] { return end.bytes_read() >= bytes; });
}

void ExpectClosed(ChannelRig& rig, WatchedChannel& end, const absl::Status& why) {
  if (!rig.Await(end, "OnClosed after Close", [&] { return end.closed().has_value(); })) return;
  rig.On(end, [&] {
    rig.Expect(*end.closed() == why, "OnClosed was told \"", end.closed()->ToString(), "\", and Close \"", why.ToString(), "\"");
  });
}

void ExpectLearns(ChannelRig& rig, WatchedChannel& end) {
  rig.Await(end, "OnEnd or OnClosed when the peer is no more", [&] { return end.ends() > 0 || end.closed().has_value(); });
  rig.On(end, [&] {
    if (!end.closed().has_value()) return;
    rig.Expect(absl::IsUnavailable(*end.closed()), "died of \"", end.closed()->ToString(), "\", which should be UNAVAILABLE");
  });
}

}  // namespace rain
