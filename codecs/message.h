// Message: what the native codecs carry, where a program brings no type of its own.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "listenrain/codecs/metadata.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/message_header.h"

namespace rain {

// Addressed by a method or by a command: the command counts if there is one. Moved; copied only by Share(), which shares the
// body's blocks. A received body is slices of the blocks it arrived in, which it keeps in memory.
struct Message {
  int64_t method = 0;
  std::string command{};
  Metadata metadata{};
  Payload body{};

  static Message Text(absl::string_view text) { return {.body = BodyOf(text)}; }
  static Message Text(int64_t method, absl::string_view text) { return {.method = method, .body = BodyOf(text)}; }
  static Message Text(absl::string_view command, absl::string_view text) {
    return {.command = std::string(command), .body = BodyOf(text)};
  }
  static Message Bytes(int64_t method, Buffer bytes) { return {.method = method, .body = BodyOf(std::move(bytes))}; }

  // The body as one string, copied.
  std::string text() const { return ToString(body); }
  Message Share() const { return {.method = method, .command = command, .metadata = metadata.Copy(), .body = rain::Share(body)}; }
  // Borrowed from this message.
  Route route() const {
    if (!command.empty()) return absl::string_view(command);
    return method;
  }

 private:
  static Payload BodyOf(absl::string_view text) { return BodyOf(Buffer::Adopt(std::string(text))); }
  static Payload BodyOf(Buffer bytes) { return Payload(std::move(bytes)); }
};

}  // namespace rain
