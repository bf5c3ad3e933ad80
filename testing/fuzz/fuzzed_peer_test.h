// FuzzedPeer: who is at the other end of a channel of a fuzzed engine: says what the fuzzer says, and reads what the engine
// writes.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "listenrain/framework/header_codec.h"
#include "listenrain/framework/packet_codec.h"
#include "listenrain/testing/fuzz_codecs.h"
#include "listenrain/testing/fuzzed_bytes.h"
#include "listenrain/testing/scripted_channel.h"

namespace rain {

// A packet with this message, or bytes near to it: what the codecs refuse goes without framing.
inline std::string FrameOf(const HeaderCodec& codec, const PacketCodec& packets, const MessageHeader& header,
                           absl::FunctionRef<absl::Status(PayloadWriter&)> encode) {
  static const auto& pool = *new auto(NewBufferPool());
  PooledWriter writer(*pool, 1 << 20);
  MustHold(writer.Begin().ok(), "no room to begin");
  if (!encode(writer).ok()) return "";
  Payload pieces = writer.Take();
  const size_t patched = codec.traits().header_bytes;
  if (!pieces.empty() && pieces.front().size() >= patched && !header.id.is_bytes()) {
    codec.WriteHeader(header, {pieces.front().mutable_data(), patched});
  }
  const std::string payload = ToString(pieces);
  std::string front(packets.traits().max_header, '\0');
  std::string back(packets.traits().max_trailer, '\0');
  const auto frame = packets.EncodePacket({{payload.data(), payload.size()}}, absl::MakeSpan(front), absl::MakeSpan(back));
  if (!frame.ok()) return payload;
  return front.substr(front.size() - frame->header) + payload + back.substr(0, frame->trailer);
}

// Made by the engine, for each channel that there will be. Thread: one.
class FuzzedPeer {
 public:
  // `reads_as`: acceptor, if the engine dials it.
  FuzzedPeer(const HeaderCodec& codec, const PacketCodec& packets, Role reads_as)
      : codec_(codec), packets_(packets), role_(reads_as) {}

  const std::shared_ptr<ScriptedPeer>& script() const { return script_; }
  bool dialed() const { return role_ == Role::acceptor; }

  // Reads what has come since: whole messages that make sense.
  void Read() {
    while (true) {
      const absl::string_view left = absl::string_view(script_->taken()).substr(read_);
      if (left.empty()) return;
      ScanState scan;
      const auto shape = packets_.DecodePacket({left.data(), left.size()}, scan);
      MustHold(shape.ok(), "the engine wrote what is no packet");
      if (!shape->exact || shape->total > left.size()) return;
      const absl::string_view payload = left.substr(shape->header, shape->total - shape->header - shape->trailer);
      const auto header = codec_.PeekHeader(Payload(Buffer::Adopt(std::string(payload))), role_);
      MustHold(header.ok(), "the engine wrote what is no message");
      if (header->kind == MessageKind::request) {
        MustHold(codec_.traits().ids != IdPolicy::assigned || std::find(asked_.begin(), asked_.end(), header->id) == asked_.end(),
                 "the engine wrote an id twice");
        asked_.push_back(header->id);
      }
      read_ += shape->total;
    }
  }

  // The ids of what the engine has asked and got no answer to; the oldest first.
  std::vector<MsgId>& asked() { return asked_; }

  // Says the bytes whole, cut, or in small pieces.
  void Say(absl::string_view said, FuzzedBytes& bytes) {
    switch (bytes.Below(4)) {
      case 0:
        script_->Send(said, 1 + said.size() / 64 + bytes.Below(8));
        break;
      case 1:
        script_->Send(said.substr(0, bytes.Below(said.size() + 1)));
        break;
      default:
        script_->Send(said);
    }
  }

  // What else may happen to a channel.
  void Turn(FuzzedBytes& bytes) {
    switch (bytes.Below(6)) {
      case 0:
        script_->End();
        break;
      case 1:
        script_->Break(absl::UnavailableError("reset"));
        break;
      case 2:
        script_->Accept(bytes.Below(200));
        break;
      case 3:
        script_->Accept(SIZE_MAX);
        break;
      case 4:
        script_->BreakAfterTaking(script_->taken().size() + bytes.Below(200), absl::UnavailableError("reset"));
        break;
      default:
        script_->Wait(absl::Milliseconds(1 + bytes.Below(100)));
    }
  }

 private:
  const HeaderCodec& codec_;
  const PacketCodec& packets_;
  const Role role_;
  const std::shared_ptr<ScriptedPeer> script_ = ScriptedPeer::Make();
  size_t read_ = 0;
  std::vector<MsgId> asked_;
};

// A pool that refuses while it is told to.
class RefusingPool final : public BufferPool {
 public:
  Buffer Allocate(size_t size) override { return refusing ? Buffer() : pool_->Allocate(size); }
  size_t bytes_in_use() const override { return pool_->bytes_in_use(); }
  bool Trim(Instant now) override { return pool_->Trim(now); }
  bool refusing = false;

 private:
  const std::shared_ptr<BufferPool> pool_ = NewBufferPool();
};

}  // namespace rain
