// Interleaved atomics, locks and condition variables: before each step that other threads may see, an Interleaver decides which
// thread goes on, so that a test can run every order (testing/interleaving.h). Without an Interleaver they are the std ones.
//
// The framework's own Atomic, Mutex and CondVar are these where RAIN_INTERLEAVED is defined, and the std ones everywhere else.
// All that is linked into one program must agree in that.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "absl/base/thread_annotations.h"

namespace rain {

// A line of a program: as a default argument, the caller's.
struct Place {
  const char* file;
  int line;

  static constexpr Place Here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

// What a thread is about to do to an object that others may see.
enum class Access : uint8_t { load, store, exchange, lock, wait, signal };

// Decides which thread goes on. One for each thread; only that thread calls it. Objects are told apart by their addresses.
class Interleaver {
 public:
  // Returns when this thread goes on: at once, or after others.
  virtual void Before(Access access, const void* object, Place place) = 0;
  // Returns when the mutex is this thread's.
  virtual void Lock(const void* mutex, Place place) = 0;
  virtual void Unlock(const void* mutex) = 0;
  // Follows Before(Access::wait): gives the mutex up, and returns when it is this thread's again, after a signal or the deadline.
  virtual void Wait(const void* condition, const void* mutex, std::chrono::steady_clock::time_point deadline, Place place) = 0;
  // Follows Before(Access::signal).
  virtual void Signal(const void* condition, bool all) = 0;
  // The time, of steady_clock, which passes only as the test says.
  virtual std::chrono::steady_clock::time_point Now(Place place) = 0;
  // An object begins or ends at this address.
  virtual void Begin(void* object) = 0;
  virtual void End(void* object) = 0;

 protected:
  ~Interleaver() = default;
};

// This thread's; null where nobody explores.
inline Interleaver*& ThreadsInterleaver() {
  static thread_local Interleaver* mine = nullptr;
  return mine;
}

// The primitives, each with the interface of what it stands for.
namespace interleaved {

// Tells an Interleaver of an object's life.
class Life {
 public:
  Life() {
    if (Interleaver* mine = ThreadsInterleaver()) mine->Begin(this);
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

 protected:
  ~Life() {
    if (Interleaver* mine = ThreadsInterleaver()) mine->End(this);
  }
  void Before(Access access, Place place) const {
    if (Interleaver* mine = ThreadsInterleaver()) mine->Before(access, this, place);
  }
};

// As std::atomic.
template <class T>
class Atomic final : Life {
 public:
  Atomic() : value_(T()) {}
  Atomic(T value) : value_(value) {}  // NOLINT: implicit, as with std::atomic

  T load(std::memory_order order = std::memory_order_seq_cst, Place place = Place::Here()) const {
    Before(Access::load, place);
    return value_.load(order);
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst, Place place = Place::Here()) {
    Before(Access::store, place);
    value_.store(value, order);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst, Place place = Place::Here()) {
    Before(Access::exchange, place);
    return value_.exchange(value, order);
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order order = std::memory_order_seq_cst,
                               Place place = Place::Here()) {
    Before(Access::exchange, place);
    return value_.compare_exchange_strong(expected, value, order);
  }
  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst, Place place = Place::Here()) {
    Before(Access::exchange, place);
    return value_.fetch_add(by, order);
  }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst, Place place = Place::Here()) {
    Before(Access::exchange, place);
    return value_.fetch_sub(by, order);
  }

 private:
  std::atomic<T> value_;
};

// As rain::Mutex.
class ABSL_LOCKABLE Mutex final : Life {
 public:
  void Lock(Place place = Place::Here()) ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    if (Interleaver* mine = ThreadsInterleaver()) mine->Lock(AsLife(), place);
    mutex_.lock();
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    mutex_.unlock();
    if (Interleaver* mine = ThreadsInterleaver()) mine->Unlock(AsLife());
  }

 private:
  friend class CondVar;
  const Life* AsLife() const { return this; }

  std::mutex mutex_;
};

// As rain::MutexLock.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex, Place place = Place::Here()) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.Lock(place);
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// As rain::CondVar, but that an explored wait never ends without a reason: no chance return hides a signal that was lost.
class CondVar final : Life {
 public:
  void Wait(Mutex& mutex, Place place = Place::Here()) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    WaitUntil(mutex, std::chrono::steady_clock::time_point::max(), place);
  }
  void WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point deadline, Place place = Place::Here())
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (Interleaver* mine = ThreadsInterleaver()) {
      Before(Access::wait, place);
      mutex.mutex_.unlock();
      mine->Wait(this, mutex.AsLife(), deadline, place);
      mutex.mutex_.lock();
      return;
    }
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    if (deadline == std::chrono::steady_clock::time_point::max()) {
      changed_.wait(held);
    } else {
      changed_.wait_until(held, deadline);
    }
    held.release();
  }
  void SignalOne(Place place = Place::Here()) {
    Before(Access::signal, place);
    if (Interleaver* mine = ThreadsInterleaver()) return mine->Signal(this, false);
    changed_.notify_one();
  }
  void SignalAll(Place place = Place::Here()) {
    Before(Access::signal, place);
    if (Interleaver* mine = ThreadsInterleaver()) return mine->Signal(this, true);
    changed_.notify_all();
  }

 private:
  std::condition_variable changed_;
};

// As rain::Parking.
class Parking final {
 public:
  void Put(uint32_t bits, Place place = Place::Here()) {
    MutexLock lock(mutex_, place);
    bits_.store(bits_.load(std::memory_order_seq_cst, place) | bits, std::memory_order_seq_cst, place);
    changed_.SignalOne(place);
  }
  uint32_t bits(Place place = Place::Here()) const { return bits_.load(std::memory_order_seq_cst, place); }
  uint32_t Await(uint32_t wanted, Place place = Place::Here()) {
    MutexLock lock(mutex_, place);
    while ((bits(place) & wanted) == 0) changed_.Wait(mutex_, place);
    return bits(place);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  Atomic<uint32_t> bits_{0};
};

}  // namespace interleaved
}  // namespace rain
