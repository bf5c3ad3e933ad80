// MsgId: what matches a reply to its request on one transport.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/rare_ptr.h"

namespace rain {

// Empty, a 64-bit integer, or bytes such as a UUID. Integers allocate nothing.
class MsgId {
 public:
  MsgId() = default;
  explicit MsgId(uint64_t integer) : kind_(Kind::integer), integer_(integer) {}
  explicit MsgId(absl::string_view bytes) : kind_(Kind::bytes), bytes_(MakeRare<const std::string>(bytes.data(), bytes.size())) {}
  MsgId(const MsgId& other)
      : kind_(other.kind_),
        integer_(other.integer_),
        bytes_(other.bytes_ == nullptr ? nullptr : MakeRare<const std::string>(*other.bytes_)) {}
  MsgId(MsgId&& other) noexcept
      : kind_(std::exchange(other.kind_, Kind::empty)), integer_(other.integer_), bytes_(std::move(other.bytes_)) {}
  MsgId& operator=(MsgId other) noexcept {
    kind_ = other.kind_;
    integer_ = other.integer_;
    bytes_ = std::move(other.bytes_);
    return *this;
  }
  ~MsgId() = default;

  bool empty() const { return kind_ == Kind::empty; }
  bool is_integer() const { return kind_ == Kind::integer; }
  bool is_bytes() const { return kind_ == Kind::bytes; }
  // 0 unless is_integer().
  uint64_t integer() const { return is_integer() ? integer_ : 0; }
  // Empty unless is_bytes(). Valid while this id is.
  absl::string_view bytes() const { return is_bytes() ? absl::string_view(*bytes_) : absl::string_view(); }

  friend bool operator==(const MsgId& a, const MsgId& b) {
    return a.kind_ == b.kind_ && a.integer() == b.integer() && a.bytes() == b.bytes();
  }
  template <typename H>
  friend H AbslHashValue(H state, const MsgId& id) {
    return H::combine(std::move(state), id.kind_, id.integer(), id.bytes());
  }

 private:
  enum class Kind : uint8_t { empty, integer, bytes };
  Kind kind_ = Kind::empty;
  uint64_t integer_ = 0;
  RarePtr<const std::string> bytes_;
};

// For logs and error texts: "none", "17", a UUID as it is written where the bytes are one, or the bytes, escaped.
std::string ToString(const MsgId& id);

}  // namespace rain
