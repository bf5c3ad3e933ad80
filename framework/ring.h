// Ring: a queue of small values in one array that grows by doubling and keeps its memory until told otherwise.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace rain {

template <class T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  T& front() { return slots_[first_]; }
  const T& operator[](size_t index) const { return slots_[(first_ + index) & (slots_.size() - 1)]; }
  T& operator[](size_t index) { return slots_[(first_ + index) & (slots_.size() - 1)]; }

  void push_back(T value) {
    if (size_ == slots_.size()) Double();
    slots_[(first_ + size_) & (slots_.size() - 1)] = std::move(value);
    ++size_;
  }
  void pop_front() {
    slots_[first_] = T();
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
  }
  void clear() {
    while (!empty()) pop_front();
  }
  // Gives the memory back, if empty.
  void Trim() {
    if (empty()) std::vector<T>().swap(slots_);
    if (empty()) first_ = 0;
  }

 private:
  void Double() {
    std::vector<T> larger(slots_.empty() ? 8 : slots_.size() * 2);
    for (size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    slots_.swap(larger);
    first_ = 0;
  }

  std::vector<T> slots_;  // a power of two of them
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace rain
