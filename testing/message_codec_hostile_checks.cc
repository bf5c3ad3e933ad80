#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "listenrain/framework/status.h"
#include "listenrain/testing/message_codec_checks.h"
#include "listenrain/testing/several_threads.h"

namespace rain::message_checks {
namespace {

// Gives one block of 256 bytes, and refuses the rest.
class MeanPool final : public BufferPool {
 public:
  Buffer Allocate(size_t) override { return std::exchange(given_, true) ? Buffer() : Buffer::Adopt(std::string(256, '?')); }
  size_t bytes_in_use() const override { return given_ ? 256 : 0; }
  bool Trim(Instant) override { return false; }

 private:
  bool given_ = false;
};

// Overwrites blocks as soon as they are released, but keeps their memory: who looks at what it has not kept sees it.
class Grave final : public BlockHome {
 public:
  Buffer Bury(absl::string_view bytes) {
    memory_.emplace_back(bytes.data(), bytes.size());
    blocks_.emplace_back();
    Block& block = blocks_.back();
    block.home = this;
    block.data = memory_.back().data();
    block.capacity = bytes.size();
    return Buffer(&block, bytes.size());
  }
  void Release(Block* block) noexcept override { std::fill_n(block->data, block->capacity, '~'); }

 private:
  std::deque<std::string> memory_;
  std::deque<Block> blocks_;
};

// What the codec makes of bytes, in words.
std::string Seen(const Subject& subject, MessageKind kind, const Payload& payload) {
  const auto peeked = subject.codec->PeekHeader(payload, ReaderOf(kind));
  const MessageHeader header = peeked.ok() ? *peeked : MessageHeader{.kind = kind};
  std::string seen = absl::StrCat(Describe(subject, peeked), "; ", Describe(subject.decode(header, Share(payload))));
  if (subject.codec->traits().Has(MessageKind::error)) {
    const absl::Status error = subject.codec->DecodeError(header, payload);
    absl::StrAppend(&seen, "; ", error.ToString(), DetailOf(error), error.ok() ? " (OK is no error)" : "");
  }
  return seen;
}

// Decodes with one and another value in the memory around the bytes: a difference shows a look outside.
void CheckOneLook(const Subject& subject, MessageKind kind, absl::string_view bytes, Violations& violations) {
  std::optional<std::string> first;
  for (const char around : {'\x00', '\xff'}) {
    PlacedBytes placed(bytes, around);
    const std::string seen = Seen(subject, kind, InPlace(placed));
    if (!first.has_value()) first = seen;
    if (seen != *first)
      Report(violations, "bytes beyond the ", bytes.size(), " given make a difference: ", *first, ", then ", seen);
  }
  if (first->find("(OK is no error)") != std::string::npos) Report(violations, "DecodeError returned OK");
  PlacedBytes exact(bytes);  // for AddressSanitizer
  (void)Seen(subject, kind, InPlace(exact));
}

void CheckDamage(const Subject& subject, MessageKind kind, std::string bytes, Dice& dice, Violations& violations) {
  CheckOneLook(subject, kind, bytes, violations);
  for (size_t at = 0; at < std::min<size_t>(bytes.size(), 160); ++at) {
    const char was = bytes[at];
    for (const char damage : {'\x00', '\xff', static_cast<char>(was ^ 1), dice.Byte()}) {
      bytes[at] = damage;
      CheckOneLook(subject, kind, bytes, violations);
    }
    bytes[at] = was;
  }
}

// `encode` into writers with less room than the `size` bytes it needs, or a pool that gives one block.
void CheckNoRoom(absl::string_view what, const std::string& bytes, absl::FunctionRef<absl::Status(PayloadWriter&)> encode,
                 Violations& violations) {
  for (const size_t limit : Cuts(0, bytes.size())) {
    const auto payload = Written(encode, {.max_bytes = limit});
    if (payload.status().code() != absl::StatusCode::kResourceExhausted) {
      Report(violations, what, " of ", bytes.size(), " bytes, where ", limit, " have room, gives ", payload.status().ToString(),
             " instead of RESOURCE_EXHAUSTED");
    }
  }
  MeanPool pool;
  PooledWriter writer(pool, 64 << 20, 256);
  if (!writer.Begin().ok()) return Report(violations, "the suite's own writer did not begin");
  const absl::Status status = encode(writer);
  if (!status.ok() && status.code() != absl::StatusCode::kResourceExhausted) {
    Report(violations, what, ", where the pool refuses a block, gives ", status.ToString(), " instead of RESOURCE_EXHAUSTED");
  }
  if (status.ok() && (!writer.status().ok() || ToString(writer.Take()) != bytes)) {
    Report(violations, what, ", where the pool refuses a block, is written as something else, and no error told");
  }
}

bool Within(const Buffer& piece, const Buffer& whole) {
  return piece.data() >= whole.data() && piece.data() + piece.size() <= whole.data() + whole.size();
}

}  // namespace

Violations PiecesMakeNoDifference(const Subject& subject) {
  Violations violations;
  ForEachMessage(subject, violations, [&](const Sample& sample, const MessageHeader& header, const std::string& bytes) {
    const auto whole = subject.codec->PeekHeader(OnePiece(bytes), ReaderOf(header.kind));
    for (const size_t cut : Cuts(subject.codec->traits().header_bytes, bytes.size())) {
      const auto peeked = subject.codec->PeekHeader(TwoPieces(bytes, cut), ReaderOf(header.kind));
      if (Describe(subject, peeked) != Describe(subject, whole)) {
        return Report(violations, "[", sample.described, "] cut at ", cut, " has another header: ", Describe(subject, peeked));
      }
      const auto decoded = subject.decode(*peeked, TwoPieces(bytes, cut));
      if (!decoded.ok() || *decoded != sample.described) {
        return Report(violations, "[", sample.described, "] cut at ", cut, " comes back as ", Describe(decoded));
      }
    }
  });
  return violations;
}

Violations WriterBlocksMakeNoDifference(const Subject& subject) {
  Violations violations;
  const std::shared_ptr<BufferPool> pool = NewBufferPool();
  for (const size_t block : {size_t{256}, size_t{300}, size_t{512}, size_t{700}, size_t{4096}, size_t{100'000}}) {
    PooledWriter writer(*pool, 64 << 20, block);
    for (int round = 0; round < 5; ++round) {  // each where the one before ended
      ForEachMessage(subject, violations, [&](const Sample& sample, const MessageHeader& header, const std::string& bytes) {
        absl::Status status = writer.Begin();
        if (status.ok()) status = sample.encode(header, writer);
        if (!status.ok()) {
          writer.Rewind();
          return Report(violations, "[", sample.described, "] in blocks of ", block, " bytes gives ", status.ToString());
        }
        const Payload payload = writer.Take();
        if (ToString(payload) != bytes) {
          Report(violations, "[", sample.described, "] in blocks of ", block, " bytes is written as something else");
        }
        if (subject.codec->traits().header_bytes > 0 && payload.front().size() < subject.codec->traits().header_bytes) {
          Report(violations, "[", sample.described, "] in blocks of ", block, " bytes has ", payload.front().size(),
                 " bytes in its first piece, less than header_bytes");
        }
      });
    }
  }
  return violations;
}

Violations LargeBodiesAreNotCopied(const Subject& subject) {
  Violations violations;
  if (subject.encode_body == nullptr) return violations;
  for (const size_t size : {kReferenceBytes, size_t{1} << 20}) {
    const Buffer body = Buffer::Adopt(std::string(size, 'b'));
    const MessageHeader header = HeaderFor(subject, subject.samples.front(), MessageKind::request);
    const auto payload = Written([&](PayloadWriter& to) { return subject.encode_body(header, body.Share(), to); });
    if (!payload.ok()) {
      Report(violations, "a body of ", size, " bytes gives ", payload.status().ToString());
      continue;
    }
    const auto is_body = [&](const Buffer& piece) { return piece.data() == body.data() && piece.size() == size; };
    if (std::none_of(payload->begin(), payload->end(), is_body))
      Report(violations, "a body of ", size, " bytes is copied to be encoded");

    const std::string bytes = ToString(*payload);
    const Payload received = OnePiece(bytes);
    const auto decoded = subject.decode_body(header, Share(received));
    if (!decoded.ok() || ToString(*decoded) != body.view()) {
      Report(violations, "a body of ", size, " bytes does not come back: ", decoded.status().ToString());
      continue;
    }
    for (const Buffer& piece : *decoded) {
      if (!Within(piece, received.front())) Report(violations, "a body of ", size, " bytes is copied when decoded");
    }
  }
  return violations;
}

// A message may keep slices of the payload; what it keeps otherwise is gone with it.
Violations AMessageKeepsItsBytes(const Subject& subject) {
  Violations violations;
  ForEachMessage(subject, violations, [&](const Sample& sample, const MessageHeader& header, const std::string& bytes) {
    const size_t cut = std::max(bytes.size() / 2, subject.codec->traits().header_bytes);
    for (const size_t first : {bytes.size(), std::min(cut, bytes.size())}) {
      Grave grave;
      Payload payload;
      payload.push_back(grave.Bury(absl::string_view(bytes).substr(0, first)));
      if (first < bytes.size()) payload.push_back(grave.Bury(absl::string_view(bytes).substr(first)));
      const auto peeked = subject.codec->PeekHeader(payload, ReaderOf(header.kind));
      const auto decoded = subject.decode(peeked.ok() ? *peeked : header, std::move(payload));
      if (decoded.ok() && *decoded == sample.described) continue;
      Report(violations, "[", sample.described, "], looked at when its payload is no more, is ", Describe(decoded));
    }
  });
  return violations;
}

Violations TruncatedMessagesAreNoMessages(const Subject& subject) {
  Violations violations;
  const size_t header_bytes = subject.codec->traits().header_bytes;
  ForEachMessage(subject, violations, [&](const Sample& sample, const MessageHeader& header, const std::string& bytes) {
    for (const size_t size : Cuts(0, bytes.size())) {
      PlacedBytes placed(absl::string_view(bytes).substr(0, size));
      const auto peeked = subject.codec->PeekHeader(InPlace(placed), ReaderOf(header.kind));
      if (peeked.ok() && size < header_bytes) {
        Report(violations, "of [", sample.described, "], ", size, " bytes have a header: ", Describe(subject, peeked));
      }
      const auto decoded = subject.decode(peeked.ok() ? *peeked : header, InPlace(placed));
      if (decoded.ok() && (sample.strict || size < header_bytes || *decoded == sample.described)) {
        Report(violations, "of [", sample.described, "], ", bytes.size(), " bytes, the first ", size, " are decoded as ",
               Describe(decoded));
      }
    }
  });
  if (!subject.codec->traits().Has(MessageKind::error)) return violations;
  const absl::Status error = absl::NotFoundError("no such thing");
  const absl::StatusOr<std::string> bytes = EncodedError(subject, error);
  if (!bytes.ok()) return {absl::StrCat("an error is not encoded: ", bytes.status().ToString())};
  for (const size_t size : Cuts(0, bytes->size())) {
    PlacedBytes placed(absl::string_view(*bytes).substr(0, size));
    const auto peeked = subject.codec->PeekHeader(InPlace(placed), Role::dialer);
    const absl::Status decoded = subject.codec->DecodeError(peeked.ok() ? *peeked : MessageHeader{}, InPlace(placed));
    if (decoded.ok()) Report(violations, "of an error, ", size, " bytes are decoded as OK");
    if (decoded == error) Report(violations, "of an error of ", bytes->size(), " bytes, the first ", size, " are enough");
  }
  return violations;
}

Violations LooksAtThePayloadAlone(const Subject& subject) {
  Violations violations;
  Dice dice(2);
  for (int round = 0; round < 500; ++round) {
    std::string noise(dice.Below(100), '\0');
    for (char& byte : noise) byte = dice.Byte();
    CheckOneLook(subject, MessageKind::request, noise, violations);
  }
  for (const Sample& sample : subject.samples) {
    const auto bytes = Encoded(sample, HeaderFor(subject, sample, MessageKind::request));
    if (!bytes.ok()) {
      Report(violations, "[", sample.described, "] is not encoded: ", bytes.status().ToString());
      continue;
    }
    if (bytes->size() <= 4096) CheckDamage(subject, MessageKind::request, *bytes, dice, violations);
    for (const size_t size : Cuts(0, std::min<size_t>(bytes->size(), 1024))) {
      CheckOneLook(subject, MessageKind::request, absl::string_view(*bytes).substr(0, size), violations);
    }
  }
  if (!subject.codec->traits().Has(MessageKind::error)) return violations;
  const auto error = EncodedError(subject, absl::NotFoundError("no such thing"));
  if (error.ok()) CheckDamage(subject, MessageKind::error, *error, dice, violations);
  return violations;
}

Violations AWriterWithoutRoomIsAnError(const Subject& subject) {
  Violations violations;
  ForEachMessage(subject, violations, [&](const Sample& sample, const MessageHeader& header, const std::string& bytes) {
    CheckNoRoom(
        absl::StrCat("[", sample.described, "]"), bytes, [&](PayloadWriter& to) { return sample.encode(header, to); },
        violations);
  });
  if (!subject.codec->traits().Has(MessageKind::error)) return violations;
  const absl::Status error = absl::NotFoundError(std::string(600, 'x'));
  const absl::StatusOr<std::string> bytes = EncodedError(subject, error);
  if (!bytes.ok()) return {absl::StrCat("an error is not encoded: ", bytes.status().ToString())};
  const MessageHeader header{.id = ErrorId(subject), .kind = MessageKind::error, .flags = subject.flags};
  CheckNoRoom(
      "an error", *bytes, [&](PayloadWriter& to) { return subject.codec->EncodeError(header, error, to); }, violations);
  return violations;
}

// One codec, on several threads at once, does as it does on one. Each thread begins with another message, and encodes messages
// that no other does: one message is nobody's but one thread's.
Violations ServesSeveralThreads(const Subject& subject) {
  constexpr size_t kThreads = 4;
  Violations violations;
  struct Expected {
    const Sample* sample;
    MessageHeader header;
    std::string bytes, seen;
  };
  std::vector<Expected> all;
  ForEachMessage(subject, violations, [&](const Sample& sample, const MessageHeader& header, const std::string& bytes) {
    if (bytes.size() > 8192) return;
    all.push_back({&sample, header, bytes, Seen(subject, header.kind, OnePiece(bytes))});
  });
  if (all.size() < 2) Report(violations, "the suite needs two messages of at most 8 KiB");
  if (!violations.empty()) return violations;
  const bool errors = subject.codec->traits().Has(MessageKind::error);
  const absl::StatusOr<std::string> error_bytes =
      errors ? EncodedError(subject, absl::NotFoundError("no such thing")) : std::string();
  if (!error_bytes.ok()) return {absl::StrCat("an error is not encoded: ", error_bytes.status().ToString())};

  OnSeveralThreads(kThreads, violations, [&](size_t thread, Violations& found) {
    for (size_t step = 0; step < 20 * all.size(); ++step) {
      const Expected& expected = all[(thread + step) % all.size()];
      const auto wrong = [&](absl::string_view how) {
        Report(found, "[", expected.sample->described, "], ", how, " while other threads call the codec, is another");
      };
      if (Seen(subject, expected.header.kind, OnePiece(expected.bytes)) != expected.seen) wrong("decoded");
      const auto number = static_cast<size_t>(expected.sample - subject.samples.data());
      if (number % kThreads == thread) {
        const auto bytes = Encoded(*expected.sample, expected.header);
        if (!bytes.ok() || *bytes != expected.bytes) wrong("encoded");
      }
      if (!errors) continue;
      const auto bytes = EncodedError(subject, absl::NotFoundError("no such thing"));
      if (!bytes.ok() || *bytes != *error_bytes)
        Report(found, "an error, encoded while other threads call the codec, is another");
    }
  });
  return violations;
}

}  // namespace rain::message_checks
