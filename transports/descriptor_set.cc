#include "listenrain/transports/descriptor_set.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <exception>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/log.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

std::string WhereOf(int fd) { return absl::StrCat("watch of descriptor ", fd); }

constexpr size_t kToldAtOnce = 256;

// Nothing is wanted: epoll reports errors all the same, but of such a descriptor once only.
constexpr uint32_t kNothing = EPOLLONESHOT;
static_assert((EPOLLIN | EPOLLOUT) <= UINT16_MAX);

// Where nothing can be done about it.
void TellOfFailure(int fd) {
  Log(Severity::error, WhereOf(fd),
      absl::StrCat(SystemError(errno, "", "epoll_ctl").message(), ": was it closed before its watch ended?"));
}

}  // namespace

absl::Status DescriptorSet::Member::Begin(DescriptorSet& set) {
  if (set.free_slots_.empty()) {
    set.free_slots_.push_back(static_cast<uint32_t>(set.slots_.size()));
    set.slots_.push_back(nullptr);
  }
  slot_ = set.free_slots_.back();
  number_ = ++set.numbers_;
  set_ = &set;
  if (!Control(EPOLL_CTL_ADD)) {
    const int error = errno;
    set_ = nullptr;
    if (error == EEXIST) return absl::FailedPreconditionError(absl::StrCat(WhereOf(fd_), ": this loop watches it already"));
    if (error == EPERM) {
      return absl::InvalidArgumentError(absl::StrCat(WhereOf(fd_), ": a regular file is always ready, and cannot be waited for"));
    }
    return SystemError(error, WhereOf(fd_), "epoll_ctl");
  }
  set.free_slots_.pop_back();
  set.slots_[slot_] = this;
  return absl::OkStatus();
}

WatchCallback DescriptorSet::Member::End() {
  if (set_ == nullptr) return nullptr;
  if (!Control(EPOLL_CTL_DEL)) TellOfFailure(fd_);
  DescriptorSet& set = *std::exchange(set_, nullptr);
  set.slots_[slot_] = nullptr;
  set.free_slots_.push_back(slot_);
  if (set.telling_ == this) set.telling_ = nullptr;
  return std::move(callback_);
}

// False, and errno, if the system refuses.
bool DescriptorSet::Member::Control(int operation) {
  epoll_event event{.events = wanted_ == 0 ? kNothing : wanted_, .data = {.u64 = uint64_t{slot_} << 32 | number_}};
  return epoll_ctl(set_->fd(), operation, fd_, &event) == 0;
}

void DescriptorSet::Member::Want(bool readable, bool writable) {
  wanted_ = static_cast<uint16_t>((readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u));
  if (set_ != nullptr && set_->telling_ != this) Update();  // else after the callback, once
}

void DescriptorSet::Member::Update() {
  if (wanted_ == watched_) return;
  watched_ = wanted_;
  if (!Control(EPOLL_CTL_MOD)) TellOfFailure(fd_);
}

bool DescriptorSet::Member::Tell(uint32_t events) {
  const bool error = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const uint32_t ready = error ? wanted_ : events & wanted_;
  if (ready == 0) return false;
  DescriptorSet& set = *set_;
  const int fd = fd_;
  WatchCallback callback = std::move(callback_);  // lives until it has returned, which the watch may not
  set.telling_ = this;
  try {
    callback({(ready & EPOLLIN) != 0, (ready & EPOLLOUT) != 0, error});
  } catch (const std::exception& thrown) {
    Log(Severity::error, WhereOf(fd), thrown.what());
  } catch (...) {
    Log(Severity::error, WhereOf(fd), "its callback threw what is no std::exception");
  }
  if (std::exchange(set.telling_, nullptr) == nullptr) return true;
  callback_ = std::move(callback);
  Update();
  return true;
}

DescriptorSet::DescriptorSet() : ready_(kToldAtOnce) {}

absl::Status DescriptorSet::Open() {
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  return epoll_ ? absl::OkStatus() : SystemError(errno, "loop", "epoll_create1");
}

DescriptorSet::~DescriptorSet() { assert(free_slots_.size() == slots_.size()); }

absl::StatusOr<std::unique_ptr<Watch>> DescriptorSet::New(int fd, WatchCallback callback) {
  if (over_) return absl::FailedPreconditionError(absl::StrCat(WhereOf(fd), ": the loop has ended"));
  int on = 1;
  if (ioctl(fd, FIONBIO, &on) != 0) return SystemError(errno, WhereOf(fd), "ioctl");
  auto member = std::make_unique<Member>(fd, std::move(callback));
  if (absl::Status begun = member->Begin(*this); !begun.ok()) return begun;
  return member;
}

bool DescriptorSet::Ask(int wait_ms) {
  const int count = epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), wait_ms);
  told_ = 0;
  count_ = static_cast<size_t>(std::max(count, 0));
  return count_ > 0;
}

size_t DescriptorSet::Tell() {
  size_t called = 0;
  while (told_ < count_) {
    const epoll_event event = ready_[told_++];
    // One that ended after it was found ready, or whose descriptor was closed before it ended, is not there any more.
    Member* const member = slots_[event.data.u64 >> 32];
    if (member != nullptr && member->Is(static_cast<uint32_t>(event.data.u64)) && member->Tell(event.events)) ++called;
  }
  return called;
}

// What only its own watch's callback holds ends with this too.
void DescriptorSet::EndAll() {
  over_ = true;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] != nullptr) const WatchCallback ended = slots_[slot]->End();
  }
}

}  // namespace rain
