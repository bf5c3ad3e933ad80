// RarePtr: a unique_ptr that is null nearly always, in objects that are made and moved for each message.
#pragma once

#include <memory>
#include <utility>

#include "absl/base/attributes.h"

namespace rain {

// Keeps the destructor's code out of wherever such an object ends.
struct DeleteOutOfLine {
  template <class T>
  ABSL_ATTRIBUTE_NOINLINE void operator()(T* object) const noexcept {
    delete object;
  }
};

template <class T>
using RarePtr = std::unique_ptr<T, DeleteOutOfLine>;

// As std::make_unique.
template <class T, class... Args>
RarePtr<T> MakeRare(Args&&... args) {
  return RarePtr<T>(new T(std::forward<Args>(args)...));
}

}  // namespace rain
