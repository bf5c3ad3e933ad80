// IntrusiveList: a doubly linked list through a hook in its elements. It owns nothing and allocates nothing.
#pragma once

#include <cassert>
#include <cstddef>

namespace rain {

// What an element carries for one list that it may be in.
template <class T>
struct ListHook {
  T* previous = nullptr;
  T* next = nullptr;
  bool linked = false;
};

// Thread: one at a time. Elements are borrowed while linked.
template <class T, ListHook<T> T::*kHook>
class IntrusiveList {
 public:
  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }
  T* front() const { return first_; }
  T* back() const { return last_; }

  void PushBack(T& element) {
    ListHook<T>& hook = element.*kHook;
    assert(!hook.linked);
    hook = {last_, nullptr, true};
    (last_ == nullptr ? first_ : (last_->*kHook).next) = &element;
    last_ = &element;
    ++size_;
  }
  void PushFront(T& element) {
    ListHook<T>& hook = element.*kHook;
    assert(!hook.linked);
    hook = {nullptr, first_, true};
    (first_ == nullptr ? last_ : (first_->*kHook).previous) = &element;
    first_ = &element;
    ++size_;
  }
  void Remove(T& element) {
    ListHook<T>& hook = element.*kHook;
    assert(hook.linked);
    (hook.previous == nullptr ? first_ : (hook.previous->*kHook).next) = hook.next;
    (hook.next == nullptr ? last_ : (hook.next->*kHook).previous) = hook.previous;
    hook = {};
    --size_;
  }
  // Null if empty.
  T* PopFront() {
    T* element = first_;
    if (element != nullptr) Remove(*element);
    return element;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace rain
