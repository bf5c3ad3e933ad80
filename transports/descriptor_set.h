// DescriptorSet: the watched descriptors of one loop, in an epoll set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/unique_fd.h"

struct epoll_event;

namespace rain {

// Made and ended by the loop. Thread: loop.
class DescriptorSet {
 public:
  DescriptorSet();
  // Called once, first. Errors: as SystemError.
  absl::Status Open();
  ~DescriptorSet();  // after EndAll

  // Readable while a watched descriptor is ready for what is wanted of it: so a set may itself be watched.
  int fd() const { return epoll_.get(); }

  // As WatchDescriptor.
  absl::StatusOr<std::unique_ptr<Watch>> New(int fd, WatchCallback callback);

  // Asks the system which descriptors are ready, and waits for one for so many milliseconds at most; below zero, without end.
  // False if none is, perhaps too early, since a signal came.
  bool Ask(int wait_ms);
  // Calls back the watches of those, as far as they live and still want it. Returns how many. epoll is level-triggered: what was
  // not dealt with is found again.
  size_t Tell();

  // All watches fall silent. From now on there are no new ones.
  void EndAll();

 private:
  class Member final : public Watch {
   public:
    Member(int fd, WatchCallback callback) : callback_(std::move(callback)), fd_(fd) {}
    ~Member() override { End(); }
    void Want(bool readable, bool writable) override;

    // The set has it from now on, by its slot and number; from End on no longer.
    absl::Status Begin(DescriptorSet& set);
    // Returns the callback, unless that runs right now.
    WatchCallback End();
    bool Is(uint32_t number) const { return number_ == number; }
    // True if the callback was called: after that this may be gone.
    bool Tell(uint32_t events);

   private:
    bool Control(int operation);
    void Update();

    DescriptorSet* set_ = nullptr;  // null once the loop has ended
    WatchCallback callback_;
    const int fd_;
    uint32_t slot_ = 0;
    uint32_t number_ = 0;   // tells it from those that had the slot before
    uint16_t wanted_ = 0;   // EPOLLIN, EPOLLOUT
    uint16_t watched_ = 0;  // what epoll was told
  };

  UniqueFd epoll_;
  bool over_ = false;
  std::vector<Member*> slots_;  // null: free
  std::vector<uint32_t> free_slots_;
  uint32_t numbers_ = 0;            // ever given
  Member* telling_ = nullptr;       // whose callback runs, unless it has ended
  std::vector<epoll_event> ready_;  // as the last Ask found it
  size_t count_ = 0;                // of these
  size_t told_ = 0;                 // of these
};

}  // namespace rain
