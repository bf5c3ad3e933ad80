// Deaths: ends that are destroyed without a word, and what their peers learn.
#include "listenrain/testing/channel_checks.h"

namespace rain {
namespace {

void APeersDeathIsSeenAfterItsBytes(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.near, [&] { pair.near->Write(100000, 3); });
  rig.Await(*pair.near, "all bytes taken", [&] { return pair.near->taken() == 100000; });
  rig.On(*pair.near, [&] { pair.near->Destroy(); });
  ExpectLearns(rig, *pair.far);
  rig.On(*pair.far, [&] { rig.Expect(pair.far->bytes_read() == 100000, "the peer's death overtook its bytes"); });
}

// A peer that is no more may look like one that has only ended its writing, until it is written to.
void WritingToADeadPeerEndsTheChannel(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.near, [&] { pair.near->Destroy(); });
  ExpectLearns(rig, *pair.far);
  rig.Await(*pair.far, "OnClosed when writing to a peer that is no more", [&] {
    if (!pair.far->closed().has_value()) pair.far->Write(1000);
    return pair.far->closed().has_value();
  });
  ExpectLearns(rig, *pair.far);
}

void APeerThatDiesWithUnreadBytesIsSeen(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.far, [&] { pair.far->SetReading(false); });
  if (!WriteUntilStalled(rig, *pair.near)) return;
  rig.On(*pair.far, [&] { pair.far->Destroy(); });
  rig.Await(*pair.near, "OnClosed when the peer dies while bytes pend", [&] { return pair.near->closed().has_value(); });
  ExpectLearns(rig, *pair.near);
  // What nobody took must not look as if somebody had: it would not be sent again.
  rig.On(*pair.near, [&] {
    rig.Expect(pair.near->taken() < pair.near->bytes_written(), "what pended when the peer died counts as taken: all ",
               pair.near->taken(), " bytes");
  });
}

void BothMayCloseAtOnce(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  const absl::Status why = absl::CancelledError("both");
  for (WatchedChannel* end : {pair.near, pair.far}) {
    rig.On(*end, [&] {
      end->Write(5000);
      end->Close(why);
    });
  }
  ExpectClosed(rig, *pair.near, why);
  rig.Await(*pair.far, "OnClosed", [&] { return pair.far->closed().has_value(); });
}

// Brings the dialer's end into a state, destroys it there, and looks that it stays silent and the peer learns.
void DestroyWhen(ChannelRig& rig, absl::FunctionRef<bool(ChannelPair&)> bring) {
  ChannelPair pair;
  if (!rig.Connect(pair, false)) return;
  rig.On(*pair.far, [&] { pair.far->Start(); });
  if (!bring(pair)) return;
  rig.On(*pair.near, [&] { pair.near->Destroy(); });
  rig.On(*pair.far, [&] { pair.far->SetReading(true); });
  ExpectLearns(rig, *pair.far);
  rig.Settle();
}

void AnEndMayBeDestroyedBeforeStart(ChannelRig& rig) {
  DestroyWhen(rig, [](ChannelPair&) { return true; });
}

void AnEndMayBeDestroyedRightAfterStart(ChannelRig& rig) {
  DestroyWhen(rig, [&](ChannelPair& pair) {
    rig.On(*pair.far, [&] { pair.far->Write(1000); });
    rig.On(*pair.near, [&] { pair.near->Start(); });
    return true;
  });
}

void AnEndMayBeDestroyedWhileItsWritesPend(ChannelRig& rig) {
  DestroyWhen(rig, [&](ChannelPair& pair) {
    rig.On(*pair.far, [&] { pair.far->SetReading(false); });
    rig.On(*pair.near, [&] { pair.near->Start(); });
    return WriteUntilPending(rig, *pair.near);
  });
}

void AnEndMayBeDestroyedWhileBytesWait(ChannelRig& rig) {
  DestroyWhen(rig, [&](ChannelPair& pair) {
    rig.On(*pair.near, [&] {
      pair.near->Start();
      pair.near->SetReading(false);
    });
    rig.On(*pair.far, [&] { pair.far->Write(100000, 4); });
    rig.Settle();
    return true;
  });
}

void AnEndMayBeDestroyedAfterItsLastByte(ChannelRig& rig) {
  DestroyWhen(rig, [&](ChannelPair& pair) {
    rig.On(*pair.near, [&] {
      pair.near->Start();
      pair.near->Write(1000);
      pair.near->CloseWrite();
    });
    return true;
  });
}

void AnEndMayBeDestroyedBetweenCloseAndOnClosed(ChannelRig& rig) {
  DestroyWhen(rig, [&](ChannelPair& pair) {
    rig.On(*pair.near, [&] {
      pair.near->Start();
      pair.near->Close(absl::CancelledError("enough"));
      pair.near->Destroy();
    });
    return true;
  });
}

}  // namespace

void AddDeathChecks(std::vector<ChannelCheck>& checks) {
  checks.push_back({"APeersDeathIsSeenAfterItsBytes", InRig<APeersDeathIsSeenAfterItsBytes>});
  checks.push_back({"WritingToADeadPeerEndsTheChannel", InRig<WritingToADeadPeerEndsTheChannel>});
  checks.push_back({"APeerThatDiesWithUnreadBytesIsSeen", InRig<APeerThatDiesWithUnreadBytesIsSeen>});
  checks.push_back({"BothMayCloseAtOnce", InRig<BothMayCloseAtOnce>});
  checks.push_back({"AnEndMayBeDestroyedBeforeStart", InRig<AnEndMayBeDestroyedBeforeStart>});
  checks.push_back({"AnEndMayBeDestroyedRightAfterStart", InRig<AnEndMayBeDestroyedRightAfterStart>});
  checks.push_back({"AnEndMayBeDestroyedWhileItsWritesPend", InRig<AnEndMayBeDestroyedWhileItsWritesPend>});
  checks.push_back({"AnEndMayBeDestroyedWhileBytesWait", InRig<AnEndMayBeDestroyedWhileBytesWait>});
  checks.push_back({"AnEndMayBeDestroyedAfterItsLastByte", InRig<AnEndMayBeDestroyedAfterItsLastByte>});
  checks.push_back({"AnEndMayBeDestroyedBetweenCloseAndOnClosed", InRig<AnEndMayBeDestroyedBetweenCloseAndOnClosed>});
}

}  // namespace rain
