#include "listenrain/codecs/capnp_struct.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

// A buffer's block that is an array of words: they are aligned wherever they are.
class WordBlock final : public BlockHome {
 public:
  static Buffer Of(kj::Array<capnp::word> words) {
    auto* const made = new WordBlock(kj::mv(words));  // deletes itself with its last slice
    return Buffer(&made->block_, made->block_.capacity);
  }
  void Release(Block*) noexcept override { delete this; }

 private:
  explicit WordBlock(kj::Array<capnp::word> words) : words_(kj::mv(words)) {
    block_.home = this;
    block_.data = words_.asChars().begin();
    block_.capacity = words_.asChars().size();
  }

  kj::Array<capnp::word> words_;
  Block block_;
};

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("capnp struct codec: ", what, ": the peer speaks another codec, or its own is broken"));
}

kj::ArrayPtr<const capnp::word> WordsOf(const Buffer& aligned) {
  return kj::arrayPtr(reinterpret_cast<const capnp::word*>(aligned.data()), aligned.size() / sizeof(capnp::word));
}

// Of what a peer sent: Cap'n Proto's own limit, or what lets a large message be read several times over.
capnp::ReaderOptions LimitsFor(const Buffer& bytes) {
  capnp::ReaderOptions limits;
  limits.traversalLimitInWords = std::max<uint64_t>(limits.traversalLimitInWords, bytes.size());
  return limits;
}
// What was built here leads nowhere twice.
capnp::ReaderOptions NoLimits() {
  capnp::ReaderOptions limits;
  limits.traversalLimitInWords = UINT64_MAX;
  return limits;
}

bool IsAligned(const Buffer& bytes) { return reinterpret_cast<uintptr_t>(bytes.data()) % alignof(capnp::word) == 0; }

}  // namespace

absl::Status CatchingKj(absl::FunctionRef<void()> call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const kj::Exception& thrown) {
    const kj::StringPtr text = thrown.getDescription();
    return Malformed(absl::string_view(text.begin(), text.size()));
  }
}

CapnpWords::CapnpWords(Buffer aligned, const capnp::ReaderOptions& limits)
    : bytes_(std::move(aligned)), reader_(WordsOf(bytes_), limits) {}

capnp::FlatArrayMessageReader CapnpWords::Again() const {
  return capnp::FlatArrayMessageReader(WordsOf(bytes_), LimitsFor(bytes_));
}

absl::StatusOr<std::unique_ptr<CapnpWords>> CapnpWords::Parse(Buffer aligned, const capnp::ReaderOptions& limits) {
  std::unique_ptr<CapnpWords> words;
  if (absl::Status status = CatchingKj([&] { words = std::make_unique<CapnpWords>(std::move(aligned), limits); }); !status.ok())
    return status;
  if (words->reader_.getEnd() != WordsOf(words->bytes_).end()) return Malformed("bytes behind the message");
  return words;
}

absl::StatusOr<std::unique_ptr<CapnpWords>> CapnpWords::From(Payload payload) {
  const size_t size = SizeOf(payload);
  if (size == 0 || size % sizeof(capnp::word) != 0) return Malformed(absl::StrCat("a payload of ", size, " bytes"));
  if (payload.size() == 1 && IsAligned(payload.front())) {
    const capnp::ReaderOptions limits = LimitsFor(payload.front());
    return Parse(std::move(payload.front()), limits);
  }
  kj::Array<capnp::word> copy = kj::heapArray<capnp::word>(size / sizeof(capnp::word));
  char* to = copy.asChars().begin();
  for (const Buffer& piece : payload) {
    if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  }
  Buffer aligned = WordBlock::Of(kj::mv(copy));
  const capnp::ReaderOptions limits = LimitsFor(aligned);
  return Parse(std::move(aligned), limits);
}

absl::StatusOr<std::unique_ptr<CapnpWords>> CapnpWords::Of(capnp::MessageBuilder& built) {
  kj::Array<capnp::word> words;
  if (absl::Status status = CatchingKj([&] { words = capnp::messageToFlatArray(built); }); !status.ok()) return status;
  return Parse(WordBlock::Of(kj::mv(words)), NoLimits());
}

}  // namespace rain
