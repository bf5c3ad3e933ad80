// Metadata: what travels beside a message's body, as keys with values.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "listenrain/framework/rare_ptr.h"

namespace rain {

// The key under which a W3C trace context travels.
inline constexpr absl::string_view kTraceParent = "traceparent";

// In the order they were added; a key may come several times. One pointer, null while empty; moved, and copied only by Copy().
// Thread: one at a time.
class Metadata {
 public:
  struct Entry {
    std::string key;
    std::string value;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  void Add(absl::string_view key, absl::string_view value) {
    if (entries_ == nullptr) entries_ = MakeRare<std::vector<Entry>>();
    entries_->push_back({std::string(key), std::string(value)});
  }
  // The first value of the key. Borrowed until the next change.
  std::optional<absl::string_view> Get(absl::string_view key) const {
    for (const Entry& entry : entries()) {
      if (entry.key == key) return absl::string_view(entry.value);
    }
    return std::nullopt;
  }
  bool empty() const { return entries_ == nullptr || entries_->empty(); }
  // Borrowed until the next change.
  absl::Span<const Entry> entries() const {
    return entries_ == nullptr ? absl::Span<const Entry>() : absl::Span<const Entry>(*entries_);
  }
  Metadata Copy() const {
    Metadata copy;
    if (!empty()) copy.entries_ = MakeRare<std::vector<Entry>>(*entries_);
    return copy;
  }

 private:
  RarePtr<std::vector<Entry>> entries_;
};

}  // namespace rain
