#include <string>

#include "listenrain/codecs/capnp_envelope.h"
#include "listenrain/testing/fuzz_codecs.h"
#include "listenrain/testing/violations.h"

namespace {

using rain::Buffer;
using rain::Payload;

// The envelope's words, however its bytes lie.
std::string WordsOf(const Payload& payload, size_t end) {
  const rain::envelope::AlignedWords aligned(payload, end);
  const auto words = aligned.words();
  rain::MustHold(reinterpret_cast<uintptr_t>(words.data()) % alignof(uint64_t) == 0, "words that are not aligned");
  return {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(uint64_t)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace envelope = rain::envelope;
  rain::PlacedBytes whole(absl::string_view(reinterpret_cast<const char*>(data), size));
  const absl::string_view bytes(whole.data(), whole.size());
  const Payload payload(Buffer::Static(bytes));
  const auto end = envelope::EndOf(payload);
  const bool canonical = envelope::IsCanonical(bytes, bytes.size());
  rain::MustHold(!canonical || (end.ok() && *end >= envelope::kRootAt + envelope::kBareWords * envelope::kWord),
                 "a canonical envelope without an end");
  if (canonical) (void)envelope::IsPlain(bytes);
  if (!end.ok()) return 0;
  rain::MustHold(*end >= envelope::kRootAt && *end <= bytes.size(), "an envelope that ends outside its payload");
  const std::string words = WordsOf(payload, *end);
  rain::MustHold(words.size() == *end - envelope::kBegin, "an envelope of more words than bytes, or fewer");
  rain::MustHold(bytes.substr(*end - words.size(), words.size()) == words, "an envelope of other words than its bytes");

  const size_t cut = size == 0 ? 0 : data[size - 1] % size;
  rain::PlacedBytes front(bytes.substr(0, cut));
  rain::PlacedBytes back(bytes.substr(cut));
  Payload pieces(Buffer::Static({front.data(), front.size()}));
  pieces.push_back(Buffer::Static({back.data(), back.size()}));
  const auto end_of_pieces = envelope::EndOf(pieces);
  rain::MustHold(end_of_pieces.ok() && *end_of_pieces == *end, "an envelope ends elsewhere in two pieces");
  rain::MustHold(WordsOf(pieces, *end) == words, "an envelope of two pieces has other words");
  return 0;
}
