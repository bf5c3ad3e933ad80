// ScriptedPeer: the other end of a channel that exists only in a test, which says what it does and when. For unit tests of links
// and transports, on a manual loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/loop.h"

namespace rain {

class ScriptedChannel;

// Made by a test, before its channel or after; shared with the channel. What is said before the channel starts waits for it.
// Steps are taken in order, each in a turn of its own; bytes and ends wait while the channel does not read. Thread: loop.
class ScriptedPeer final {
 public:
  static std::shared_ptr<ScriptedPeer> Make() { return std::make_shared<ScriptedPeer>(); }

  // Steps: bytes come, in one piece, or in pieces of at most `piece_bytes`;
  ScriptedPeer& Send(absl::string_view bytes, size_t piece_bytes = SIZE_MAX);
  // nothing happens for so long;
  ScriptedPeer& Wait(absl::Duration time);
  // the peer ends its writing;
  ScriptedPeer& End();
  // the channel dies.
  ScriptedPeer& Break(absl::Status why);

  // At once, and from then on: how many more bytes are taken of what is written. Without a bound at first.
  void Accept(size_t bytes);
  // The channel dies once so many bytes have been taken in all; what is written beyond is not.
  void BreakAfterTaking(uint64_t bytes, absl::Status why);

  // What the channel has taken, and in how many calls of Write.
  const std::string& taken() const { return taken_; }
  int writes() const { return writes_; }
  bool write_closed() const { return write_closed_; }  // CloseWrite was called, and all was taken
  bool reading() const;
  bool closed() const { return closed_; }               // the channel's user closed it, or it broke
  bool destroyed() const { return destroyed_; }         // with or without having been closed
  bool idle() const { return next_ == steps_.size(); }  // every step was taken

 private:
  friend class ScriptedChannel;
  struct Step {
    enum Kind { bytes, wait, end, death } kind;
    std::string data;
    absl::Duration time;
    absl::Status why;
  };

  ScriptedPeer& Add(Step step);

  std::vector<Step> steps_;
  size_t next_ = 0;
  uint64_t room_ = UINT64_MAX;
  uint64_t break_at_ = UINT64_MAX;
  absl::Status break_why_;
  std::string taken_;
  int writes_ = 0;
  bool write_closed_ = false;
  bool closed_ = false;
  bool destroyed_ = false;
  ScriptedChannel* channel_ = nullptr;
};

// The channel whose other end is `peer`; one for each peer.
std::unique_ptr<Channel> NewScriptedChannel(std::shared_ptr<ScriptedPeer> peer, std::string address = "scripted://peer");

}  // namespace rain
