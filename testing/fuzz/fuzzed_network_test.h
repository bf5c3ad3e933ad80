// FuzzedNetwork: the peers of a fuzzed engine, and what becomes of its dials and its listener.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/framework/message_codec.h"
#include "listenrain/testing/fuzz/fuzzed_peer_test.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {

// A protocol to fuzz, and how a message is made of what the fuzzer says.
template <class M>
struct FuzzedWire {
  std::shared_ptr<const MessageCodec<M>> codec;
  std::shared_ptr<const PacketCodec> packets;
  M (*make)(FuzzedBytes& bytes);
};

// Thread: one.
template <class M>
class FuzzedNetwork {
 public:
  explicit FuzzedNetwork(const FuzzedWire<M>& wire) : wire_(wire) {}

  const std::shared_ptr<ScriptedNetwork>& scripted() const { return scripted_; }
  const std::vector<std::unique_ptr<FuzzedPeer>>& peers() const { return peers_; }

  // A channel comes, or a dial fails.
  void Connect(FuzzedBytes& bytes) {
    const size_t what = bytes.Below(4);
    ScriptedAnswers& answers = what < 2 ? scripted_->accepts : scripted_->dials;
    if (what == 3) return answers.Fail(absl::UnavailableError("refused"));
    peers_.push_back(std::make_unique<FuzzedPeer>(*wire_.codec, *wire_.packets, what < 2 ? Role::dialer : Role::acceptor));
    answers.Connect(peers_.back()->script());
  }

  // There must be one.
  FuzzedPeer& OnePeer(FuzzedBytes& bytes) {
    FuzzedPeer& peer = *peers_[bytes.Below(peers_.size())];
    peer.Read();
    return peer;
  }

  // A peer says any bytes.
  void SayBytes(FuzzedBytes& bytes) {
    FuzzedPeer& peer = OnePeer(bytes);
    const absl::string_view said = bytes.Take(bytes.Below(64));
    peer.Say(said, bytes);
  }

  // A peer says some message.
  void SayMessage(FuzzedBytes& bytes) {
    FuzzedPeer& peer = OnePeer(bytes);
    MessageHeader header;
    header.kind = static_cast<MessageKind>(1 + bytes.Below(8));
    const uint8_t id = bytes.Byte();
    if (id != 0 && wire_.codec->traits().ids == IdPolicy::assigned) header.id = MsgId(uint64_t{id});
    if (bytes.Below(8) == 1) header.flags = kOptionalKindFlag;
    if (bytes.Below(4) == 1) header.remaining = absl::Milliseconds(bytes.Below(100));
    Say(peer, header, bytes);
  }

  // A peer says, to something that the engine asked, an answer or an error.
  void SayAnswer(FuzzedBytes& bytes) {
    FuzzedPeer& peer = OnePeer(bytes);
    if (peer.asked().empty()) return;
    const size_t which = wire_.codec->traits().ids == IdPolicy::in_order ? 0 : bytes.Below(peer.asked().size());
    MessageHeader header;
    header.kind = bytes.Below(4) == 0 ? MessageKind::error : MessageKind::reply;
    header.id = peer.asked()[which];
    peer.asked().erase(peer.asked().begin() + static_cast<ptrdiff_t>(which));
    Say(peer, header, bytes);
  }

 private:
  void Say(FuzzedPeer& peer, const MessageHeader& header, FuzzedBytes& bytes) {
    const CodecTraits& traits = wire_.codec->traits();
    const bool bare = header.kind >= MessageKind::cancel && traits.Has(header.kind);
    std::string frame = FrameOf(*wire_.codec, *wire_.packets, header, [&](PayloadWriter& to) -> absl::Status {
      if (bare) {
        if (to.Reserve(traits.header_bytes).empty()) return to.status();
        to.Commit(traits.header_bytes);
        return absl::OkStatus();
      }
      if (header.kind == MessageKind::error && traits.Has(header.kind)) {
        return wire_.codec->EncodeError(header, absl::NotFoundError(bytes.Take(bytes.Below(40))), to);
      }
      return wire_.codec->EncodeMessage(header, wire_.make(bytes), to);
    });
    if (!frame.empty() && bytes.Below(8) == 1) frame[bytes.Below(frame.size())] = static_cast<char>(bytes.Byte());
    peer.Say(frame, bytes);
  }

  const FuzzedWire<M>& wire_;
  const std::shared_ptr<ScriptedNetwork> scripted_ = std::make_shared<ScriptedNetwork>();
  std::vector<std::unique_ptr<FuzzedPeer>> peers_;
};

}  // namespace rain
