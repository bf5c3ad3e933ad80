// Ends: half-close, and Close in every state.
#include "absl/strings/str_cat.h"
#include "listenrain/testing/channel_checks.h"

namespace rain {
namespace {

absl::Status Enough() { return absl::CancelledError("enough"); }

void HalfClose(ChannelRig& rig, bool dialer_first) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  WatchedChannel& first = dialer_first ? *pair.near : *pair.far;
  WatchedChannel& second = dialer_first ? *pair.far : *pair.near;
  rig.On(first, [&] {
    first.Write(100000, 3);
    first.CloseWrite();
  });
  AwaitRead(rig, second, 100000);
  rig.Await(second, "OnEnd after CloseWrite", [&] { return second.ends() == 1; });
  rig.On(second, [&] { second.Write(50000, 2); });
  AwaitRead(rig, first, 50000);
  rig.On(first, [&] { rig.Expect(first.ends() == 0, "OnEnd though the peer has not ended"); });
  rig.On(second, [&] { second.CloseWrite(); });
  rig.Await(first, "OnEnd after CloseWrite", [&] { return first.ends() == 1; });
  rig.Settle();
  for (WatchedChannel* end : {&first, &second}) {
    rig.On(*end, [&] { rig.Expect(!end->closed().has_value(), "OnClosed though both have only ended their writing"); });
  }
  rig.On(first, [&] { first.Close(absl::OkStatus()); });
  ExpectClosed(rig, first, absl::OkStatus());
  rig.Settle();
  rig.On(second, [&] { second.Close(absl::OkStatus()); });
  rig.Await(second, "OnClosed", [&] { return second.closed().has_value(); });
}

void TheDialerMayEndItsWritingFirst(ChannelRig& rig) { HalfClose(rig, true); }
void TheAcceptorMayEndItsWritingFirst(ChannelRig& rig) { HalfClose(rig, false); }

void BothMayEndWithoutAByte(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  for (WatchedChannel* end : {pair.near, pair.far}) rig.On(*end, [&] { end->CloseWrite(); });
  for (WatchedChannel* end : {pair.near, pair.far}) rig.Await(*end, "OnEnd", [&] { return end->ends() == 1; });
}

void TheEndComesAfterWhatPends(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  WatchedChannel& near = *pair.near;
  rig.On(*pair.far, [&] { pair.far->SetReading(false); });
  if (!WriteUntilPending(rig, near)) return;
  rig.On(near, [&] {
    near.CloseWrite();
    near.CloseWrite();
    near.Write(5000);  // the counts would show an effect, and so would the peer
  });
  rig.On(*pair.far, [&] { pair.far->SetReading(true); });
  rig.Await(*pair.far, "OnEnd", [&] { return pair.far->ends() == 1; });
  rig.On(*pair.far, [&] {
    rig.Expect(pair.far->bytes_read() == near.bytes_written(), "OnEnd came after ", pair.far->bytes_read(), " of the ",
               near.bytes_written(), " bytes written before CloseWrite");
  });
  rig.Await(near, "OnDrained when nothing pends any more", [&] { return near.pending() == 0 && !near.owes_drained(); });
  rig.On(near, [&] { near.Write(5000); });
  rig.Settle();
  rig.On(*pair.far, [&] { rig.Expect(pair.far->bytes_read() == near.bytes_written(), "bytes written after CloseWrite came"); });
}

void CloseWriteInsideOnDrainedEndsTheStream(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  WatchedChannel& near = *pair.near;
  rig.On(*pair.far, [&] { pair.far->SetReading(false); });
  if (!WriteUntilPending(rig, near)) return;
  rig.On(near, [&] { near.on_drained = [&] { near.CloseWrite(); }; });
  rig.On(*pair.far, [&] { pair.far->SetReading(true); });
  rig.Await(*pair.far, "OnEnd", [&] { return pair.far->ends() == 1; });
  rig.On(*pair.far, [&] { rig.Expect(pair.far->bytes_read() == near.bytes_written(), "OnEnd before all bytes"); });
}

// Close, and whatever else may be called after it.
void CloseAndGoOn(WatchedChannel& end) {
  end.Close(Enough());
  end.Close(absl::AbortedError("a second reason"));
  end.Write(1000);
  end.SetReading(false);
  end.SetReading(true);
  end.CloseWrite();
}

// Closes the dialer's end by `close`, and looks at what both are told.
void ExpectEnd(ChannelRig& rig, ChannelPair& pair, absl::FunctionRef<void()> close) {
  rig.On(*pair.near, close);
  ExpectClosed(rig, *pair.near, Enough());
  ExpectLearns(rig, *pair.far);
  rig.On(*pair.near, [&] { CloseAndGoOn(*pair.near); });
  rig.Settle();
}

void CloseRightAfterStart(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair, false)) return;
  rig.On(*pair.far, [&] { pair.far->Start(); });
  ExpectEnd(rig, pair, [&] {
    pair.near->Start();
    CloseAndGoOn(*pair.near);
  });
}

void CloseWhenIdle(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.Settle();
  ExpectEnd(rig, pair, [&] { CloseAndGoOn(*pair.near); });
}

void CloseAbandonsWhatPendsAndNoMore(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.far, [&] { pair.far->SetReading(false); });
  if (!WriteUntilPending(rig, *pair.near)) return;
  rig.On(*pair.near, [&] { CloseAndGoOn(*pair.near); });
  ExpectClosed(rig, *pair.near, Enough());
  uint64_t taken = 0;
  rig.On(*pair.near, [&] { taken = pair.near->taken(); });
  rig.On(*pair.far, [&] { pair.far->SetReading(true); });
  ExpectLearns(rig, *pair.far);
  rig.On(*pair.far, [&] {
    rig.Expect(pair.far->bytes_read() == taken, pair.far->bytes_read(), " bytes were read of the ", taken, " taken before Close");
  });
}

void CloseWhileReadingPausesAndBytesWait(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.near, [&] { pair.near->SetReading(false); });
  rig.On(*pair.far, [&] { pair.far->Write(10000); });
  rig.Settle();
  ExpectEnd(rig, pair, [&] { CloseAndGoOn(*pair.near); });
}

void CloseInsideOnRead(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.near, [&] { pair.near->on_read = [&] { CloseAndGoOn(*pair.near); }; });
  rig.On(*pair.far, [&] { pair.far->Write(300000, 10); });
  ExpectEnd(rig, pair, [] {});
}

void CloseInsideOnDrained(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.far, [&] { pair.far->SetReading(false); });
  if (!WriteUntilPending(rig, *pair.near)) return;
  rig.On(*pair.near, [&] { pair.near->on_drained = [&] { CloseAndGoOn(*pair.near); }; });
  rig.On(*pair.far, [&] { pair.far->SetReading(true); });
  ExpectEnd(rig, pair, [] {});
  rig.On(*pair.far,
         [&] { rig.Expect(pair.far->bytes_read() == pair.near->bytes_written(), "bytes that OnDrained told of were not read"); });
}

void CloseInsideOnEnd(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.near, [&] { pair.near->on_end = [&] { CloseAndGoOn(*pair.near); }; });
  rig.On(*pair.far, [&] {
    pair.far->Write(1000);
    pair.far->CloseWrite();
  });
  ExpectEnd(rig, pair, [] {});
}

void CloseInsideOnClosed(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.near, [&] { pair.near->on_closed = [&] { CloseAndGoOn(*pair.near); }; });
  ExpectEnd(rig, pair, [&] { pair.near->Close(Enough()); });
}

void TheCountsStayReadableAfterOnClosed(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.near, [&] { pair.near->Write(12345); });
  AwaitRead(rig, *pair.far, 12345);
  rig.On(*pair.near, [&] { pair.near->Close(Enough()); });
  ExpectClosed(rig, *pair.near, Enough());
  rig.On(*pair.near, [&] { rig.Expect(pair.near->taken() == 12345, "bytes_taken() after OnClosed is ", pair.near->taken()); });
}

}  // namespace

void AddEndChecks(std::vector<ChannelCheck>& checks) {
  checks.push_back({"TheDialerMayEndItsWritingFirst", InRig<TheDialerMayEndItsWritingFirst>});
  checks.push_back({"TheAcceptorMayEndItsWritingFirst", InRig<TheAcceptorMayEndItsWritingFirst>});
  checks.push_back({"BothMayEndWithoutAByte", InRig<BothMayEndWithoutAByte>});
  checks.push_back({"TheEndComesAfterWhatPends", InRig<TheEndComesAfterWhatPends>});
  checks.push_back({"CloseWriteInsideOnDrainedEndsTheStream", InRig<CloseWriteInsideOnDrainedEndsTheStream>});
  checks.push_back({"CloseRightAfterStart", InRig<CloseRightAfterStart>});
  checks.push_back({"CloseWhenIdle", InRig<CloseWhenIdle>});
  checks.push_back({"CloseAbandonsWhatPendsAndNoMore", InRig<CloseAbandonsWhatPendsAndNoMore>});
  checks.push_back({"CloseWhileReadingPausesAndBytesWait", InRig<CloseWhileReadingPausesAndBytesWait>});
  checks.push_back({"CloseInsideOnRead", InRig<CloseInsideOnRead>});
  checks.push_back({"CloseInsideOnDrained", InRig<CloseInsideOnDrained>});
  checks.push_back({"CloseInsideOnEnd", InRig<CloseInsideOnEnd>});
  checks.push_back({"CloseInsideOnClosed", InRig<CloseInsideOnClosed>});
  checks.push_back({"TheCountsStayReadableAfterOnClosed", InRig<TheCountsStayReadableAfterOnClosed>});
}

}  // namespace rain
