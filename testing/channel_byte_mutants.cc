// Mutants that are wrong about bytes, and about how many there are.
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/testing/channel_mutants.h"
#include "listenrain/testing/forwarding_channel.h"
#include "listenrain/testing/mutated_inproc.h"

namespace rain {
namespace {

class SwallowsAByte final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnRead(Buffer bytes) override {
    if (bytes.size() > 1 && ++reads_ == 5) bytes.RemovePrefix(1);
    events->OnRead(std::move(bytes));
  }
  int reads_ = 0;
};

class SwallowsTheLastByte final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnRead(Buffer bytes) override {
    if (bytes.size() > 1000) bytes.Truncate(bytes.size() - 1);
    events->OnRead(std::move(bytes));
  }
};

class AltersAByte final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnRead(Buffer bytes) override {
    std::string altered(bytes.data(), bytes.size());
    if (++reads_ == 7) altered.back() ^= 1;
    events->OnRead(Buffer::Adopt(std::move(altered)));
  }
  int reads_ = 0;
};

class DoublesASlice final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnRead(Buffer bytes) override {
    if (++reads_ == 4) events->OnRead(bytes.Share());
    events->OnRead(std::move(bytes));
  }
  int reads_ = 0;
};

class SwapsPieces final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void Write(absl::Span<const Buffer> pieces) override {
    std::vector<Buffer> swapped;
    for (const Buffer& piece : pieces) swapped.insert(swapped.begin(), piece.Share());
    inner->Write(swapped);
  }
};

class CountsOneTooManyTaken final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  uint64_t bytes_taken() const override { return inner->bytes_taken() + (inner->bytes_taken() > 0 ? 1 : 0); }
};

class ForgetsWhatWasTakenWhenClosed final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  uint64_t bytes_taken() const override { return closed_ ? 0 : inner->bytes_taken(); }
  void OnClosed(absl::Status why) override {
    closed_ = true;
    events->OnClosed(std::move(why));
  }
  bool closed_ = false;
};

// The end empties the queue, and so what was abandoned there looks taken.
class CountsAsTakenWhatDoesNotPend final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void Write(absl::Span<const Buffer> pieces) override {
    for (const Buffer& piece : pieces) written_ += ended_ ? 0 : piece.size();
    inner->Write(pieces);
  }
  void CloseWrite() override {
    ended_ = true;
    inner->CloseWrite();
  }
  void Close(absl::Status why) override {
    ended_ = true;
    inner->Close(std::move(why));
  }
  void OnClosed(absl::Status why) override {
    ended_ = true;
    events->OnClosed(std::move(why));
  }
  uint64_t bytes_taken() const override { return written_ - inner->pending_bytes(); }
  uint64_t written_ = 0;
  bool ended_ = false;
};

class SaysThatNothingPends final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  size_t pending_bytes() const override { return 0; }
};

class IgnoresPausing final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void SetReading(bool) override {}
};

class NeverResumes final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void SetReading(bool reading) override {
    if (!reading) inner->SetReading(false);
  }
};

class KeepsWrittenBuffers final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void Write(absl::Span<const Buffer> pieces) override {
    for (const Buffer& piece : pieces) kept_.push_back(piece.Share());
    inner->Write(pieces);
  }
  std::vector<Buffer> kept_;
};

// Has a queue of its own in front of the channel's.
class QueueingChannel : public ForwardingChannel {
 public:
  using ForwardingChannel::ForwardingChannel;
  void Write(absl::Span<const Buffer> pieces) override {
    if (ending_) return;
    for (const Buffer& piece : pieces) {
      queue_.push_back(piece.Share());
      queued_bytes_ += piece.size();
    }
    Flush();
  }
  size_t pending_bytes() const override { return inner->pending_bytes() + queued_bytes_; }
  void OnDrained() override {
    Flush();
    if (pending_bytes() == 0) events->OnDrained();
  }
  void Close(absl::Status why) override {
    queue_.clear();
    queued_bytes_ = 0;
    ending_ = true;
    inner->Close(std::move(why));
  }

 protected:
  void Flush() {
    for (; !queue_.empty() && inner->pending_bytes() == 0; queue_.pop_front()) {
      queued_bytes_ -= queue_.front().size();
      inner->Write({&queue_.front(), 1});
    }
    if (ending_ && queue_.empty()) inner->CloseWrite();
  }
  std::deque<Buffer> queue_;
  size_t queued_bytes_ = 0;
  bool ending_ = false;
};

class CloseWriteDropsWhatPends final : public QueueingChannel {
  using QueueingChannel::QueueingChannel;
  void CloseWrite() override {
    written_off_ += std::exchange(queued_bytes_, 0);
    queue_.clear();
    ending_ = true;
    inner->CloseWrite();
  }
  uint64_t bytes_taken() const override { return inner->bytes_taken() + written_off_; }
  uint64_t written_off_ = 0;
};

class TakesWithoutBound final : public QueueingChannel {
  using QueueingChannel::QueueingChannel;
  uint64_t bytes_taken() const override { return inner->bytes_taken() + inner->pending_bytes() + queued_bytes_; }
  size_t pending_bytes() const override { return 0; }
  void CloseWrite() override {
    ending_ = true;
    Flush();
  }
  void OnDrained() override { Flush(); }
};

// Reads into the buffers of ReadBuffer, as sockets do.
class ReadingChannel : public ForwardingChannel {
 public:
  using ForwardingChannel::ForwardingChannel;
  void OnRead(Buffer bytes) override {
    while (!bytes.empty()) {
      Buffer room = events->ReadBuffer(bytes.size());
      if (room.empty()) room = Refused(bytes);
      if (room.empty()) return;
      const size_t size = std::min(room.size(), bytes.size());
      std::copy_n(bytes.data(), size, room.mutable_data());
      room.Truncate(size);
      bytes.RemovePrefix(size);
      events->OnRead(std::move(room));
    }
  }

 private:
  // What to read into nevertheless; an empty one drops the bytes.
  virtual Buffer Refused(const Buffer& bytes) = 0;
};

class ReadsThoughBuffersAreRefused final : public ReadingChannel {
  using ReadingChannel::ReadingChannel;
  Buffer Refused(const Buffer& bytes) override { return Buffer::Adopt(std::string(bytes.size(), '\0')); }
};

class LosesBytesWhenABufferIsRefused final : public ReadingChannel {
  using ReadingChannel::ReadingChannel;
  Buffer Refused(const Buffer&) override { return Buffer(); }
};

class AsksAgainWhenABufferIsRefused final : public ReadingChannel {
  using ReadingChannel::ReadingChannel;
  Buffer Refused(const Buffer& bytes) override {
    events->ReadBuffer(bytes.size());
    return Buffer();
  }
};

}  // namespace

std::vector<ChannelMutant> ByteMutants() {
  return {
      {"SwallowsAByte", "wrong bytes", Mutate<SwallowsAByte>},
      {"SwallowsTheLastByte", "all read", Mutate<SwallowsTheLastByte>},
      {"AltersAByte", "wrong bytes", Mutate<AltersAByte>},
      {"DoublesASlice", "wrong bytes", Mutate<DoublesASlice>},
      {"SwapsPieces", "wrong bytes", Mutate<SwapsPieces>},
      {"CountsOneTooManyTaken", "bytes_taken() is", Mutate<CountsOneTooManyTaken>},
      {"ForgetsWhatWasTakenWhenClosed", "bytes_taken() went back", Mutate<ForgetsWhatWasTakenWhenClosed>},
      {"CountsAsTakenWhatDoesNotPend", "what pended when the peer died counts as taken", Mutate<CountsAsTakenWhatDoesNotPend>},
      {"SaysThatNothingPends", "do not make the", Mutate<SaysThatNothingPends>},
      {"IgnoresPausing", "OnRead while it shall not read", Mutate<IgnoresPausing>},
      {"NeverResumes", "never: a peer's", Mutate<NeverResumes>},
      {"KeepsWrittenBuffers", "never: every written buffer released", Mutate<KeepsWrittenBuffers>},
      {"CloseWriteDropsWhatPends", "bytes written before CloseWrite", Mutate<CloseWriteDropsWhatPends>},
      {"TakesWithoutBound", "a peer that does not read took", Mutate<TakesWithoutBound>},
      {"ReadsThoughBuffersAreRefused", "OnRead while it shall not read", Mutate<ReadsThoughBuffersAreRefused>},
      {"LosesBytesWhenABufferIsRefused", "never: a peer's 1000 bytes", Mutate<LosesBytesWhenABufferIsRefused>},
      {"AsksAgainWhenABufferIsRefused", "ReadBuffer while it shall not read", Mutate<AsksAgainWhenABufferIsRefused>},
  };
}

}  // namespace rain
