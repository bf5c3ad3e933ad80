// Bytes: in order, complete, both ways, counted, and no more than the reader wants.
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "listenrain/testing/channel_checks.h"

namespace rain {
namespace {

void BytesArriveCompleteAndInOrder(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  Dice dice(1);
  for (const size_t size : std::initializer_list<size_t>{1, 2, 7, 100, 1460, 4095, 4096, 4097, 65535, 65536, 300000, 1 << 20}) {
    for (WatchedChannel* from : {pair.near, pair.far}) {
      WatchedChannel& to = from == pair.near ? *pair.far : *pair.near;
      uint64_t all = 0;
      rig.On(*from, [&] {
        from->Write(0);
        from->Write(size, 1 + dice.Below(20));
        from->Write(0, 3);
        all = from->bytes_written();
      });
      if (!AwaitRead(rig, to, all)) return;
      rig.Await(*from, "all bytes taken, and none pending", [&] { return from->taken() == all && from->pending() == 0; });
    }
  }
}

void ManySmallWritesArriveInOrder(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  for (int round = 0; round < 20; ++round) {
    rig.On(*pair.near, [&] {
      for (size_t i = 0; i < 200; ++i) pair.near->Write(1 + i % 13);
    });
  }
  AwaitRead(rig, *pair.far, pair.near->bytes_written());
}

void LargeTransfersPassBothWaysAtOnce(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  const size_t large = rig.subject().large_bytes;
  rig.On(*pair.near, [&] { pair.near->Write(large, 1); });
  rig.On(*pair.far, [&] { pair.far->Write(large, 977); });
  AwaitRead(rig, *pair.far, large);
  AwaitRead(rig, *pair.near, large);
  for (WatchedChannel* end : {pair.near, pair.far}) {
    rig.Await(*end, "OnDrained when nothing pends any more", [&] { return end->pending() == 0 && !end->owes_drained(); });
  }
}

void AnswersAreWrittenInsideOnRead(ChannelRig& rig) {
  constexpr uint64_t kRoundBytes = 100;
  constexpr uint64_t kAllBytes = 500 * kRoundBytes;
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  WatchedChannel& near = *pair.near;
  WatchedChannel& far = *pair.far;
  rig.On(far, [&] { far.on_read = [&] { far.Write(static_cast<size_t>(far.bytes_read() - far.bytes_written())); }; });
  rig.On(near, [&] {
    near.on_read = [&] {
      if (near.bytes_read() == near.bytes_written() && near.bytes_read() < kAllBytes) near.Write(kRoundBytes);
    };
    near.Write(kRoundBytes);
  });
  AwaitRead(rig, near, kAllBytes);
}

void AReaderThatPausesStopsTheWriter(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.On(*pair.far, [&] { pair.far->SetReading(false); });
  if (!WriteUntilStalled(rig, *pair.near)) return;
  int drained = 0;
  rig.On(*pair.near, [&] { drained = pair.near->drained(); });
  rig.On(*pair.far, [&] { rig.Expect(pair.far->bytes_read() == 0, "bytes were read though reading pauses since the start"); });
  rig.On(*pair.far, [&] { pair.far->SetReading(true); });
  AwaitRead(rig, *pair.far, pair.near->bytes_written());
  rig.Await(*pair.near, "OnDrained when nothing pends any more", [&] { return pair.near->drained() > drained; });
  rig.Settle();
  rig.On(*pair.near, [&] {
    rig.Expect(pair.near->drained() == drained + 1, "OnDrained came ", pair.near->drained() - drained, " times");
    rig.Expect(pair.near->pending() == 0, pair.near->pending(), " bytes pend though all were read");
  });
}

void AReaderMayPauseInsideOnRead(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  WatchedChannel& far = *pair.far;
  rig.On(far, [&] { far.on_read = [&] { far.SetReading(false); }; });
  rig.On(*pair.near, [&] { pair.near->Write(256 << 10, 16); });
  for (uint64_t read = 0; read < pair.near->bytes_written();) {
    if (!AwaitRead(rig, far, read + 1)) return;
    if (read == 0) rig.Settle();
    rig.On(far, [&] {
      read = far.bytes_read();
      far.SetReading(true);
    });
  }
}

void PausingAndResumingAtOnceLosesNothing(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  WatchedChannel& far = *pair.far;
  rig.On(far, [&] {
    far.on_read = [&] {
      far.SetReading(false);
      far.SetReading(true);
      far.SetReading(true);
    };
  });
  rig.On(*pair.near, [&] { pair.near->Write(256 << 10, 16); });
  AwaitRead(rig, far, pair.near->bytes_written());
}

void ARefusedReadBufferPausesReading(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair, false)) return;
  WatchedChannel& far = *pair.far;
  far.refuse_buffers = true;
  rig.On(*pair.near, [&] { pair.near->Start(); });
  rig.On(far, [&] { far.Start(); });
  rig.On(*pair.near, [&] { pair.near->Write(1000); });
  if (!rig.Await(far, "ReadBuffer or OnRead", [&] { return far.asked() > 0 || far.bytes_read() == 1000; })) return;
  rig.Settle();
  rig.On(far, [&] {
    rig.Expect(far.asked() <= 1, "ReadBuffer was called ", far.asked(), " times though it refused");
    far.refuse_buffers = false;
    if (far.asked() > 0) far.SetReading(true);
  });
  AwaitRead(rig, far, 1000);
}

void WritersMayRefillInsideOnDrained(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  WatchedChannel& near = *pair.near;
  int refills = 0;
  rig.On(*pair.far, [&] { pair.far->SetReading(false); });
  if (!WriteUntilPending(rig, near)) return;
  rig.On(near, [&] {
    near.on_drained = [&] {
      if (++refills <= 10) near.Write(512 << 10, 4);
    };
  });
  rig.On(*pair.far, [&] { pair.far->SetReading(true); });
  rig.Await(near, "OnDrained", [&] { return refills > 0 && near.pending() == 0 && !near.owes_drained(); });
  AwaitRead(rig, *pair.far, near.bytes_written());
}

void WrittenBuffersAreSharedAndReleased(ChannelRig& rig) {
  const auto pool = NewBufferPool();
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  for (int round = 0; round < 10; ++round) {
    rig.On(*pair.near, [&] { pair.near->Write(200000, 5, pool.get()); });
    if (!AwaitRead(rig, *pair.far, pair.near->bytes_written())) return;
  }
  rig.Await(*pair.near, "every written buffer released", [&] { return pool->bytes_in_use() == 0; });
  // What pends is released when it is abandoned.
  rig.On(*pair.far, [&] { pair.far->SetReading(false); });
  rig.Settle();
  rig.On(*pair.near, [&] { pair.near->Write(rig.subject().large_bytes, 5, pool.get()); });
  rig.On(*pair.near, [&] { pair.near->Destroy(); });
  rig.On(*pair.far, [&] { pair.far->Destroy(); });
  rig.Await(*pair.near, "every abandoned buffer released", [&] { return pool->bytes_in_use() == 0; });
}

}  // namespace

void AddDataChecks(std::vector<ChannelCheck>& checks) {
  checks.push_back({"BytesArriveCompleteAndInOrder", InRig<BytesArriveCompleteAndInOrder>});
  checks.push_back({"ManySmallWritesArriveInOrder", InRig<ManySmallWritesArriveInOrder>});
  checks.push_back({"LargeTransfersPassBothWaysAtOnce", InRig<LargeTransfersPassBothWaysAtOnce>});
  checks.push_back({"AnswersAreWrittenInsideOnRead", InRig<AnswersAreWrittenInsideOnRead>});
  checks.push_back({"AReaderThatPausesStopsTheWriter", InRig<AReaderThatPausesStopsTheWriter>});
  checks.push_back({"AReaderMayPauseInsideOnRead", InRig<AReaderMayPauseInsideOnRead>});
  checks.push_back({"PausingAndResumingAtOnceLosesNothing", InRig<PausingAndResumingAtOnceLosesNothing>});
  checks.push_back({"ARefusedReadBufferPausesReading", InRig<ARefusedReadBufferPausesReading>});
  checks.push_back({"WritersMayRefillInsideOnDrained", InRig<WritersMayRefillInsideOnDrained>});
  checks.push_back({"WrittenBuffersAreSharedAndReleased", InRig<WrittenBuffersAreSharedAndReleased>});
}

}  // namespace rain
