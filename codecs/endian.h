// Integers at any address, in a stated byte order.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace rain {

// Of an integer's bytes on the wire.
enum class ByteOrder { big, little };

// The same integer with its bytes turned round.
template <std::unsigned_integral T>
constexpr T Turned(T value) {
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  return value;
}

// The integer that bytes say, which need not be aligned.
template <std::unsigned_integral T, ByteOrder kOrder = ByteOrder::big>
T Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  constexpr bool kNative = (kOrder == ByteOrder::big) == (std::endian::native == std::endian::big);
  return kNative ? value : Turned(value);
}

// Writes the integer to bytes, which need not be aligned.
template <std::unsigned_integral T, ByteOrder kOrder = ByteOrder::big>
void Store(char* to, T value) {
  constexpr bool kNative = (kOrder == ByteOrder::big) == (std::endian::native == std::endian::big);
  if (!kNative) value = Turned(value);
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace rain
