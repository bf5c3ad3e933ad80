// RefCounted and Ref: an intrusive, thread-safe reference count, for the few objects that two threads truly outlive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "listenrain/framework/atomic.h"

namespace rain {

// Thread: any. Deleted by whichever thread drops the last Ref.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

 protected:
  virtual ~RefCounted() = default;
  // True if somebody beside the one who asks holds a reference.
  bool is_shared() const { return references_.load(std::memory_order_acquire) > 1; }

 private:
  template <class T>
  friend class Ref;
  template <class T>
  friend class RefBank;
  mutable Atomic<uint32_t> references_{1};
};

template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}  // NOLINT: a null reference reads as nullptr
  Ref(const Ref& other) : object_(other.object_) {
    if (object_ != nullptr) object_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && object_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      const RefCounted* dead = object_;
      delete dead;
    }
  }

  // Takes over the reference that a new object is born with.
  static Ref Adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  // One more reference to an object that is alive.
  static Ref Share(T* object) {
    if (object != nullptr) object->references_.fetch_add(1, std::memory_order_relaxed);
    return Adopt(object);
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

// Gives references to one object, which it takes many at a time. Thread: one at a time.
template <class T>
class RefBank {
 public:
  explicit RefBank(Ref<T> object) : object_(std::move(object)) {}
  RefBank(const RefBank&) = delete;
  RefBank& operator=(const RefBank&) = delete;
  ~RefBank() { object_->references_.fetch_sub(spare_, std::memory_order_acq_rel); }  // not the last: object_ is left

  Ref<T> Take() {
    if (spare_ == 0) {
      object_->references_.fetch_add(kBatch, std::memory_order_relaxed);
      spare_ = kBatch;
    }
    --spare_;
    return Ref<T>::Adopt(object_.get());
  }

 private:
  static constexpr uint32_t kBatch = 64;
  const Ref<T> object_;
  uint32_t spare_ = 0;
};

// As std::make_shared, of something RefCounted.
template <class T, class... Args>
Ref<T> MakeRef(Args&&... args) {
  return Ref<T>::Adopt(new T(std::forward<Args>(args)...));
}

}  // namespace rain
