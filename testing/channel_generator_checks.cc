// Generators: dialing, listening, and what becomes of those who wait.
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/testing/channel_checks.h"

namespace rain {
namespace {

void TheBoundKeyCanBeDialed(ChannelRig& rig) {
  const TransportKey key = rig.listener()->bound_key();
  rig.Expect(key.status().ok(), "bound_key(): ", key.status().ToString());
  rig.Expect(key.scheme() == rig.scheme().name, "bound_key() is ", key.text(), ", of another scheme than ", rig.scheme().name);
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.Expect(rig.listener()->bound_key() == key, "bound_key() became ", rig.listener()->bound_key().text());
  const std::shared_ptr<const PeerInfo> peer = pair.near->peer();
  rig.Expect(peer != nullptr, "peer() is null");
  if (peer == nullptr) return;
  const std::string& address = peer->address;
  rig.Expect(TransportKey(address).scheme() == rig.scheme().name, "the peer's address \"", address, "\" is no key of the scheme");
}

void AnUnknownOptionIsInvalid(ChannelRig& rig) {
  const auto expect_invalid = [&](const char* call, const auto& made) {
    const absl::Status& status = made.status();
    rig.Expect(absl::IsInvalidArgument(status), call, " with an unknown option gave \"", status.ToString(), "\"");
    rig.Expect(status.message().find("no-such-option") != absl::string_view::npos, call, " does not name the option");
  };
  const auto with_option = [](const TransportKey& key) {
    return TransportKey(absl::StrCat(key.text(), key.options().empty() ? "?" : "&", "no-such-option=1"));
  };
  expect_invalid("dial", rig.scheme().dial(with_option(rig.dial_key())));
  rig.StopListening();
  expect_invalid("listen", rig.scheme().listen(with_option(rig.subject().listen_key)));
}

void ASecondListenerIsRefused(ChannelRig& rig) {
  const auto second = rig.scheme().listen(rig.dial_key());
  rig.Expect(absl::IsUnavailable(second.status()), "listening twice gave \"", second.status().ToString(), "\"");
  // The first is none the worse for it; but what it accepts next may be a connection by which the second looked for it.
  ChannelPair pair;
  rig.Connect(pair, false);
}

void ADialIsRefusedWhenNobodyListens(ChannelRig& rig) {
  rig.StopListening();
  ChannelGenerator* const dialer = rig.Dialer();
  if (dialer == nullptr) return;
  Answer& answer = rig.Next(*dialer, rig.near_loop());
  if (!rig.Await(rig.near_loop(), "an answer to Next", [&] { return answer.called; })) return;
  rig.Expect(absl::IsUnavailable(answer.status), "a refused dial gave \"", answer.status.ToString(), "\"");
}

// Next may be asked again after a failure, and inside `done`.
void ADialerMayBeAskedAgain(ChannelRig& rig) {
  ChannelGenerator* const dialer = rig.Dialer();
  if (dialer == nullptr) return;
  for (int round = 0; round < 3; ++round) {
    Answer& accepted = rig.Next(*rig.listener(), rig.far_loop());
    Answer& dialed = rig.Next(*dialer, rig.near_loop());
    rig.Await(rig.near_loop(), "an answer to the dialer's Next", [&] { return dialed.called; });
    rig.Await(rig.far_loop(), "an answer to the listener's Next", [&] { return accepted.called; });
    rig.Expect(dialed.status.ok() && accepted.status.ok(), "attempt ", round + 1, " failed");
  }
}

// `answer` was asked from a generator that is gone.
void ExpectDestroyedUncalled(ChannelRig& rig, Loop& home, Answer& answer) {
  rig.Settle();
  rig.On(home, [&] {
    rig.Expect(!answer.called, "`done` was called though its generator was destroyed");
    rig.Expect(answer.kept.use_count() == 1, "`done` was kept though its generator was destroyed");
  });
}

void AListenerThatIsDestroyedForgetsWhoWaits(ChannelRig& rig) {
  Answer& answer = rig.Next(*rig.listener(), rig.far_loop());
  rig.Settle();
  rig.StopListening();
  ExpectDestroyedUncalled(rig, rig.far_loop(), answer);
}

void ADialerThatIsDestroyedForgetsWhoWaits(ChannelRig& rig) {
  ChannelGenerator* const dialer = rig.Dialer();
  if (dialer == nullptr) return;
  Answer* answer = nullptr;
  rig.On(rig.near_loop(), [&] {
    answer = &rig.Next(*dialer, rig.near_loop());
    rig.Drop(*dialer);
  });
  ExpectDestroyedUncalled(rig, rig.near_loop(), *answer);
}

void ADialedChannelWaitsToBeAccepted(ChannelRig& rig) {
  ChannelGenerator* const dialer = rig.Dialer();
  if (dialer == nullptr) return;
  Answer& dialed = rig.Next(*dialer, rig.near_loop());
  rig.Await(rig.near_loop(), "an answer to Next before anybody accepts", [&] { return dialed.called; });
  Answer& accepted = rig.Next(*rig.listener(), rig.far_loop());
  rig.Await(rig.far_loop(), "the channel that waits", [&] { return accepted.called; });
  rig.Expect(dialed.status.ok() && accepted.status.ok(), "dialed: ", dialed.status.ToString(),
             ", accepted: ", accepted.status.ToString());
}

void ChannelsOutliveTheirGenerators(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair)) return;
  rig.StopListening();
  rig.On(*pair.near, [&] { pair.near->Write(300000, 4); });
  AwaitRead(rig, *pair.far, 300000);
  rig.On(*pair.far, [&] { pair.far->Write(300000, 4); });
  AwaitRead(rig, *pair.near, 300000);
}

void AChannelMayLiveOnAnotherLoopThanItsGenerator(ChannelRig& rig) {
  ChannelPair pair;
  if (!rig.Connect(pair, true, true)) return;
  rig.On(*pair.near, [&] { pair.near->Write(300000, 4); });
  rig.On(*pair.far, [&] { pair.far->Write(300000, 4); });
  if (!AwaitRead(rig, *pair.far, 300000) || !AwaitRead(rig, *pair.near, 300000)) return;
  rig.On(*pair.near, [&] { pair.near->Close(absl::CancelledError("done")); });
  ExpectLearns(rig, *pair.far);
}

void ManyChannelsDoNotMixTheirBytes(ChannelRig& rig) {
  std::vector<ChannelPair> pairs(32);
  for (ChannelPair& pair : pairs) {
    if (!rig.Connect(pair)) return;
  }
  for (int round = 1; round <= 3; ++round) {
    for (ChannelPair& pair : pairs) {
      rig.On(*pair.near, [&] { pair.near->Write(10000, 2); });
      rig.On(*pair.far, [&] { pair.far->Write(7000, 2); });
    }
    for (ChannelPair& pair : pairs) {
      if (!AwaitRead(rig, *pair.far, static_cast<uint64_t>(round) * 10000)) return;
      if (!AwaitRead(rig, *pair.near, static_cast<uint64_t>(round) * 7000)) return;
    }
  }
  for (ChannelPair& pair : pairs) rig.On(*pair.near, [&] { pair.near->Close(absl::CancelledError("done")); });
  for (ChannelPair& pair : pairs) ExpectLearns(rig, *pair.far);
}

}  // namespace

void AddGeneratorChecks(std::vector<ChannelCheck>& checks) {
  checks.push_back({"TheBoundKeyCanBeDialed", InRig<TheBoundKeyCanBeDialed>});
  checks.push_back({"AnUnknownOptionIsInvalid", InRig<AnUnknownOptionIsInvalid>});
  checks.push_back({"ASecondListenerIsRefused", InRig<ASecondListenerIsRefused>});
  checks.push_back({"ADialIsRefusedWhenNobodyListens", InRig<ADialIsRefusedWhenNobodyListens>});
  checks.push_back({"ADialerMayBeAskedAgain", InRig<ADialerMayBeAskedAgain>});
  checks.push_back({"AListenerThatIsDestroyedForgetsWhoWaits", InRig<AListenerThatIsDestroyedForgetsWhoWaits>});
  checks.push_back({"ADialerThatIsDestroyedForgetsWhoWaits", InRig<ADialerThatIsDestroyedForgetsWhoWaits>});
  checks.push_back({"ADialedChannelWaitsToBeAccepted", InRig<ADialedChannelWaitsToBeAccepted>});
  checks.push_back({"ChannelsOutliveTheirGenerators", InRig<ChannelsOutliveTheirGenerators>});
  checks.push_back({"AChannelMayLiveOnAnotherLoopThanItsGenerator", InRig<AChannelMayLiveOnAnotherLoopThanItsGenerator>});
  checks.push_back({"ManyChannelsDoNotMixTheirBytes", InRig<ManyChannelsDoNotMixTheirBytes>});
}

}  // namespace rain
