// Rarely: a part that most objects of their kind do without: a pointer until it is used.
#pragma once

#include <utility>

#include "listenrain/framework/rare_ptr.h"

namespace rain {

// Thread: the part's.
template <class T>
class Rarely {
 public:
  bool made() const { return part_ != nullptr; }
  // Makes it if need be.
  T& operator*() {
    if (part_ == nullptr) part_ = MakeRare<T>();
    return *part_;
  }
  T* operator->() { return &**this; }
  // What a T{} is, if there is none.
  T Take() { return part_ == nullptr ? T() : std::move(*std::exchange(part_, nullptr)); }
  // Null if there is none.
  T* get() const { return part_.get(); }

 private:
  RarePtr<T> part_;
};

}  // namespace rain
