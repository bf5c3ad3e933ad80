#include "listenrain/testing/scripted_channel.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <deque>
#include <utility>

#include "listenrain/framework/status.h"

namespace rain {

// Takes one step a turn: a timer that is due at once is a later turn.
class ScriptedChannel final : public Channel, private Timer {
 public:
  ScriptedChannel(std::shared_ptr<ScriptedPeer> peer, std::string address)
      : script_(std::move(peer)), peer_(std::make_shared<const PeerInfo>(PeerInfo{std::move(address), {}})) {
    assert(script_->channel_ == nullptr && !script_->destroyed_);
    script_->channel_ = this;
  }
  ~ScriptedChannel() override {
    script_->channel_ = nullptr;
    script_->destroyed_ = true;
  }

  void Start(Loop& home, ChannelEvents& events) override {
    assert(events_ == nullptr);
    home_ = &home;
    events_ = &events;
    Continue();
  }

  void Write(absl::Span<const Buffer> pieces) override {
    if (closed_ || write_closed_) return;
    ++script_->writes_;
    for (const Buffer& piece : pieces) {
      if (piece.empty()) continue;
      pending_bytes_ += piece.size();
      pending_.push_back(piece.Share());
    }
    Take();
    drain_owed_ |= pending_bytes_ > 0;
  }

  void CloseWrite() override {
    if (closed_) return;
    write_closed_ = true;
    Take();
  }

  uint64_t bytes_taken() const override { return script_->taken_.size(); }
  size_t pending_bytes() const override { return pending_bytes_; }

  void SetReading(bool reading) override {
    reading_ = reading;
    Continue();
  }

  void Close(absl::Status why) override {
    if (std::exchange(closed_, true)) return;
    script_->closed_ = true;
    why_ = std::move(why);
    pending_.clear();
    pending_bytes_ = 0;
    Continue();
  }

  std::shared_ptr<const PeerInfo> peer() const override { return peer_; }
  bool reading() const { return reading_; }

  // Takes of what pends as much as the peer accepts.
  void Take() {
    ScriptedPeer& script = *script_;
    while (!pending_.empty()) {
      const uint64_t until_break = script.break_at_ - std::min<uint64_t>(script.break_at_, script.taken_.size());
      const size_t size = static_cast<size_t>(std::min({uint64_t{pending_.front().size()}, script.room_, until_break}));
      if (size == 0) break;
      script.taken_.append(pending_.front().data(), size);
      if (script.room_ != UINT64_MAX) script.room_ -= size;
      pending_bytes_ -= size;
      pending_.front().RemovePrefix(size);
      if (pending_.front().empty()) pending_.pop_front();
    }
    script.write_closed_ = write_closed_ && pending_.empty();
    Continue();
  }

  // Sees in a later turn whether there is something to do.
  void Continue() {
    if (events_ != nullptr) home_->timers().Arm(*this, home_->now());
  }

 private:
  bool broken() const { return script_->taken_.size() >= script_->break_at_; }

  void OnTimer() override {
    if (!closed_ && broken()) Close(Fresh(script_->break_why_));
    if (closed_) {
      home_->timers().Cancel(*this);
      std::exchange(events_, nullptr)->OnClosed(std::move(why_));
      return;
    }
    if (drain_owed_ && pending_bytes_ == 0) {
      drain_owed_ = false;
      Continue();
      return events_->OnDrained();
    }
    if (script_->idle()) return;
    if (home_->now() < next_step_at_) return home_->timers().Arm(*this, next_step_at_);
    TakeStep(script_->steps_[script_->next_]);
  }

  void TakeStep(ScriptedPeer::Step& step) {
    const bool read = step.kind == ScriptedPeer::Step::bytes || step.kind == ScriptedPeer::Step::end;
    if (read && !reading_) return;
    switch (step.kind) {
      case ScriptedPeer::Step::bytes:
        return ReadStep(step);
      case ScriptedPeer::Step::wait:
        ++script_->next_;
        next_step_at_ = home_->now() + step.time;
        return home_->timers().Arm(*this, next_step_at_);
      case ScriptedPeer::Step::end:
        ++script_->next_;
        Continue();
        return events_->OnEnd();
      case ScriptedPeer::Step::death:
        ++script_->next_;
        return Close(Fresh(step.why));
    }
  }

  // Into what the reader gives, as a socket does; what does not fit stays.
  void ReadStep(ScriptedPeer::Step& step) {
    Buffer room = events_->ReadBuffer(step.data.size());
    if (closed_) return;
    if (room.empty()) {
      reading_ = false;
      return;
    }
    const size_t size = std::min(room.size(), step.data.size());
    std::memcpy(room.mutable_data(), step.data.data(), size);
    room.Truncate(size);
    step.data.erase(0, size);
    if (step.data.empty()) ++script_->next_;
    Continue();
    events_->OnRead(std::move(room));
  }

  Loop* home_ = nullptr;  // once started
  const std::shared_ptr<ScriptedPeer> script_;
  const std::shared_ptr<const PeerInfo> peer_;
  ChannelEvents* events_ = nullptr;  // until OnClosed
  std::deque<Buffer> pending_;
  size_t pending_bytes_ = 0;
  bool drain_owed_ = false;
  bool reading_ = true;
  Instant next_step_at_;  // the script waits until then
  bool write_closed_ = false;
  bool closed_ = false;
  absl::Status why_;
};

ScriptedPeer& ScriptedPeer::Add(Step step) {
  steps_.push_back(std::move(step));
  if (channel_ != nullptr) channel_->Continue();
  return *this;
}

ScriptedPeer& ScriptedPeer::Send(absl::string_view bytes, size_t piece_bytes) {
  assert(piece_bytes > 0);
  for (size_t at = 0; at < bytes.size();) {
    const absl::string_view piece = bytes.substr(at, piece_bytes);
    Add({Step::bytes, std::string(piece.data(), piece.size()), {}, {}});
    at += piece.size();
  }
  return *this;
}

ScriptedPeer& ScriptedPeer::Wait(absl::Duration time) { return Add({Step::wait, {}, time, {}}); }
ScriptedPeer& ScriptedPeer::End() { return Add({Step::end, {}, {}, {}}); }
ScriptedPeer& ScriptedPeer::Break(absl::Status why) { return Add({Step::death, {}, {}, std::move(why)}); }

void ScriptedPeer::Accept(size_t bytes) {
  room_ = bytes;
  if (channel_ != nullptr) channel_->Take();
}

void ScriptedPeer::BreakAfterTaking(uint64_t bytes, absl::Status why) {
  break_at_ = bytes;
  break_why_ = std::move(why);
  if (channel_ != nullptr) channel_->Continue();
}

bool ScriptedPeer::reading() const { return channel_ != nullptr && channel_->reading(); }

std::unique_ptr<Channel> NewScriptedChannel(std::shared_ptr<ScriptedPeer> peer, std::string address) {
  return std::make_unique<ScriptedChannel>(std::move(peer), std::move(address));
}

}  // namespace rain
