#include "listenrain/bench/receipt.h"

#include <cstring>
#include <type_traits>

#include "absl/strings/str_cat.h"

namespace rain::bench {

std::string Receipt::Encode() const {
  static_assert(std::is_trivially_copyable_v<Receipt>);
  std::string bytes(sizeof(*this), '\0');
  std::memcpy(bytes.data(), this, sizeof(*this));
  return bytes;
}

absl::StatusOr<Receipt> Receipt::Decode(absl::Span<const char> bytes) {
  Receipt receipt;
  if (bytes.size() != sizeof(receipt)) return absl::DataLossError(absl::StrCat("a receipt of ", bytes.size(), " bytes"));
  std::memcpy(&receipt, bytes.data(), sizeof(receipt));
  return receipt;
}

absl::StatusOr<Flow> Flow::Between(const Receipt& first, const Receipt& last) {
  if (last.messages <= first.messages || last.when <= first.when) {
    return absl::FailedPreconditionError("no message came within the measured time: measure longer");
  }
  return Flow{last.messages - first.messages, last.when - first.when};
}

absl::Status CheckAllCame(uint64_t sent, const Receipt& receipt) {
  if (receipt.messages == sent) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("of ", sent, " messages that were posted, the receiver counted ", receipt.messages));
}

}  // namespace rain::bench
