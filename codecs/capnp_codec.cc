#include "listenrain/codecs/capnp_codec.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "codecs/capnp_message.capnp.h"
#include "listenrain/codecs/capnp_envelope.h"
#include "listenrain/codecs/native_fields.h"

namespace rain {
namespace {

constexpr size_t kVersionAt = 0;
constexpr size_t kKindAt = 1;
constexpr size_t kFlagsAt = 2;

template <typename T>
T LoadLittle(const char* from) {
  return Load<T, ByteOrder::little>(from);
}
template <typename T>
void StoreLittle(char* to, T value) {
  Store<T, ByteOrder::little>(to, value);
}

absl::string_view View(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
absl::string_view View(capnp::Data::Reader data) { return {data.asChars().begin(), data.size()}; }

template <typename Builder>
void Copy(absl::string_view from, Builder to) {
  if (!from.empty()) std::memcpy(to.begin(), from.data(), from.size());
}

absl::Status FromKj(const kj::Exception& thrown) {
  const kj::StringPtr text = thrown.getDescription();
  return absl::InvalidArgumentError(absl::StrCat("capnp codec: ", absl::string_view(text.begin(), text.size()),
                                                 ": the peer speaks another codec, or its own is broken"));
}

// What is read from an envelope is at most twice its size: pointers that lead to one place again and again end there.
// Returns where the body begins.
absl::StatusOr<size_t> ReadEnvelope(const Payload& payload, absl::FunctionRef<void(schema::Envelope::Reader)> use) {
  const absl::StatusOr<size_t> end = envelope::EndOf(payload);
  if (!end.ok()) return end.status();
  const envelope::AlignedWords aligned(payload, *end);
  const absl::Span<const uint64_t> words = aligned.words();
  capnp::ReaderOptions limits;
  limits.traversalLimitInWords = 2 * words.size() + 16;
  limits.nestingLimit = 4;
  try {
    capnp::FlatArrayMessageReader reader(kj::arrayPtr(reinterpret_cast<const capnp::word*>(words.data()), words.size()), limits);
    use(reader.getRoot<schema::Envelope>());
  } catch (const kj::Exception& thrown) {
    return FromKj(thrown);
  }
  return *end;
}

// Zeroed words for a builder, on the stack while they are few.
class Scratch {
 public:
  explicit Scratch(size_t words) : large_(words > std::size(small_) ? words : 0), words_(words) {
    if (large_.empty()) std::memset(small_, 0, words * sizeof(uint64_t));
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  kj::ArrayPtr<capnp::word> words() {
    return kj::arrayPtr(reinterpret_cast<capnp::word*>(large_.empty() ? small_ : large_.data()), words_);
  }

 private:
  uint64_t small_[128];
  std::vector<uint64_t> large_;
  const size_t words_;
};

constexpr size_t WordsOf(size_t bytes) { return (bytes + envelope::kWord - 1) / envelope::kWord; }
// Text ends in a zero byte.
constexpr size_t TextWords(size_t bytes) { return WordsOf(bytes + 1); }

// What Cap'n Proto's builder will need beyond the root: then it needs one segment only.
size_t WordsBeyondRoot(const Message& message) {
  size_t words = message.command.empty() ? 0 : TextWords(message.command.size());
  if (message.metadata.empty()) return words;
  words += 1 + 2 * message.metadata.entries().size();
  for (const Metadata::Entry& entry : message.metadata.entries())
    words += TextWords(entry.key.size()) + WordsOf(entry.value.size());
  return words;
}

// In front of the first segment: our own four bytes, and the table that says that it is the only one.
void FillFront(const MessageHeader& header, size_t words, char* first) {
  first[kVersionAt] = static_cast<char>(kNativeVersion);
  first[kKindAt] = static_cast<char>(header.kind);
  Store<uint16_t>(first + kFlagsAt, static_cast<uint16_t>(header.flags & kCarriedFlags));
  StoreLittle<uint32_t>(first + envelope::kSegmentsAt, 0);
  StoreLittle<uint32_t>(first + envelope::kSegmentWordsAt, static_cast<uint32_t>(words));
}

// All header bytes of an envelope of `words` that has nothing but its root.
void FillHeader(const MessageHeader& header, size_t words, uint64_t root_pointer, int64_t method, char* first) {
  FillFront(header, words, first);
  StoreLittle<uint64_t>(first + envelope::kRootAt, root_pointer);
  StoreLittle<uint64_t>(first + envelope::kIdAt, header.id.integer());
  StoreLittle<uint64_t>(first + envelope::kMethodAt, static_cast<uint64_t>(method));
  StoreLittle<uint64_t>(first + envelope::kRemainingAt, RemainingToWire(header.remaining));
}

// Without pointers an envelope is eight known words: they are written in place.
absl::Status WritePlain(const MessageHeader& header, int64_t method, PayloadWriter& to) {
  const absl::Span<char> first = to.Reserve(envelope::kPlainEnd);
  if (first.empty()) return NoRoom(to.status());
  FillHeader(header, envelope::kRootWords, envelope::kRootPointer, method, first.data());
  std::memset(first.data() + envelope::kPointersAt, 0, envelope::kPlainEnd - envelope::kPointersAt);
  to.Commit(envelope::kPlainEnd);
  return absl::OkStatus();
}

// Builds an envelope in one segment; `fill` sets all but the header's fields, in `beyond_root` words.
absl::Status WriteBuilt(const MessageHeader& header, size_t beyond_root, PayloadWriter& to,
                        absl::FunctionRef<void(schema::Envelope::Builder)> fill) {
  const size_t words = envelope::kRootWords + beyond_root;
  if (words > envelope::kMaxWords) {
    return absl::InvalidArgumentError(absl::StrCat("capnp codec: an envelope of ", words * envelope::kWord,
                                                   " bytes, where at most ", envelope::kMaxWords * envelope::kWord,
                                                   " travel: put large values in the body"));
  }
  Scratch scratch(words);
  try {
    capnp::MallocMessageBuilder builder(scratch.words(), capnp::AllocationStrategy::FIXED_SIZE);
    auto root = builder.initRoot<schema::Envelope>();
    root.setId(header.id.integer());
    root.setRemainingMicros(RemainingToWire(header.remaining));
    fill(root);
    const auto segments = builder.getSegmentsForOutput();
    if (segments.size() != 1) return absl::InternalError("capnp codec: an envelope was measured too small");
    const kj::ArrayPtr<const char> built = segments[0].asChars();
    const absl::Span<char> first = to.Reserve(envelope::kHeaderBytes);
    if (first.empty()) return NoRoom(to.status());
    FillFront(header, segments[0].size(), first.data());
    constexpr size_t kInHeader = envelope::kHeaderBytes - envelope::kRootAt;
    std::memcpy(first.data() + envelope::kRootAt, built.begin(), kInHeader);
    to.Commit(envelope::kHeaderBytes);
    to.Append(absl::string_view(built.begin() + kInHeader, built.size() - kInHeader));
  } catch (const kj::Exception& thrown) {
    return FromKj(thrown);
  }
  return to.status();
}

void FillMetadata(const Metadata& metadata, schema::Envelope::Builder root) {
  auto list = root.initMetadata(static_cast<unsigned>(metadata.entries().size()));
  unsigned next = 0;
  for (const Metadata::Entry& entry : metadata.entries()) {
    auto built = list[next++];
    Copy(entry.key, built.initKey(static_cast<unsigned>(entry.key.size())));
    Copy(entry.value, built.initValue(static_cast<unsigned>(entry.value.size())));
  }
}

class CapnpCodec final : public MessageCodec<Message> {
 public:
  const CodecTraits& traits() const override { return traits_; }

  void WriteHeader(const MessageHeader& header, absl::Span<char> first) const override {
    if (IsHeaderAlone(header.kind)) {
      return FillHeader(header, envelope::kBareWords, envelope::kBarePointer, 0, first.data());
    }
    StoreLittle<uint64_t>(first.data() + envelope::kIdAt, header.id.integer());
    StoreLittle<uint32_t>(first.data() + envelope::kRemainingAt, RemainingToWire(header.remaining));
  }

  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role) const override {
    if (absl::Status status = CheckFront(payload); !status.ok()) return status;
    const absl::string_view first = payload.front().view();
    MessageHeader header{.kind = static_cast<MessageKind>(first[kKindAt]),
                         .flags = static_cast<uint16_t>(Load<uint16_t>(first.data() + kFlagsAt) & kCarriedFlags)};
    if (envelope::IsCanonical(first, SizeOf(payload))) {
      header.id = IdFromWire(LoadLittle<uint64_t>(first.data() + envelope::kIdAt));
      header.remaining = RemainingFromWire(LoadLittle<uint32_t>(first.data() + envelope::kRemainingAt));
      return header;
    }
    const auto read = [&header](schema::Envelope::Reader root) {
      header.id = IdFromWire(root.getId());
      header.remaining = RemainingFromWire(root.getRemainingMicros());
    };
    if (absl::StatusOr<size_t> body = ReadEnvelope(payload, read); !body.ok()) return body.status();
    return header;
  }

  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    if (header.id.is_bytes()) return IdIsNoInteger();
    const ErrorFields fields = FieldsOf(error);
    MessageHeader reply = header;
    reply.kind = MessageKind::error;
    const size_t beyond_root = (fields.text.empty() ? 0 : TextWords(fields.text.size())) + WordsOf(fields.detail.size());
    return WriteBuilt(reply, beyond_root, to, [&fields](schema::Envelope::Builder root) {
      root.setCode(fields.code);
      if (!fields.text.empty()) Copy(fields.text, root.initErrorText(static_cast<unsigned>(fields.text.size())));
      if (!fields.detail.empty()) Copy(fields.detail, root.initErrorDetail(static_cast<unsigned>(fields.detail.size())));
    });
  }

  absl::Status DecodeError(const MessageHeader&, const Payload& payload) const override {
    if (absl::Status status = CheckFront(payload); !status.ok()) return status;
    absl::Status error;
    const auto read = [&error](schema::Envelope::Reader root) {
      error = StatusOf(root.getCode(), View(root.getErrorText()), View(root.getErrorDetail()));
    };
    absl::StatusOr<size_t> body = ReadEnvelope(payload, read);
    return body.ok() ? error : body.status();
  }

  absl::Status EncodeMessage(const MessageHeader& header, const Message& message, PayloadWriter& to) const override {
    if (header.id.is_bytes()) return IdIsNoInteger();
    const size_t beyond_root = WordsBeyondRoot(message);
    const auto fill = [&message](schema::Envelope::Builder root) {
      root.setMethod(message.method);
      if (!message.command.empty()) Copy(message.command, root.initCommand(static_cast<unsigned>(message.command.size())));
      if (!message.metadata.empty()) FillMetadata(message.metadata, root);
    };
    absl::Status status = beyond_root == 0 ? WritePlain(header, message.method, to) : WriteBuilt(header, beyond_root, to, fill);
    if (!status.ok()) return status;
    AppendBody(message.body, to);
    return to.status();
  }

  absl::StatusOr<Message> DecodeMessage(const MessageHeader&, Payload&& payload) const override {
    if (absl::Status status = CheckFront(payload); !status.ok()) return status;
    absl::StatusOr<Message> decoded(absl::in_place);
    const absl::string_view first = payload.front().view();
    size_t body_at = 0;
    if (envelope::IsCanonical(first, SizeOf(payload)) && envelope::IsPlain(first)) {
      decoded->method = static_cast<int64_t>(LoadLittle<uint64_t>(first.data() + envelope::kMethodAt));
      body_at = envelope::kRootAt + envelope::kWord * LoadLittle<uint32_t>(first.data() + envelope::kSegmentWordsAt);
    } else {
      const auto read = [&decoded](schema::Envelope::Reader root) { ReadMessage(root, *decoded); };
      absl::StatusOr<size_t> end = ReadEnvelope(payload, read);
      if (!end.ok()) return end.status();
      body_at = *end;
    }
    TakeBody(std::move(payload), body_at, decoded->body);
    return decoded;
  }

  MsgId IdOf(const Message&) const override { return {}; }
  Route RouteOf(const Message& message) const override { return message.route(); }

 private:
  static absl::Status CheckFront(const Payload& payload) {
    if (payload.empty() || payload.front().size() < envelope::kBegin) {
      return absl::InvalidArgumentError("capnp codec: a payload of less than 4 bytes: the peer speaks another codec");
    }
    const auto version = static_cast<uint8_t>(payload.front().data()[kVersionAt]);
    return version == kNativeVersion ? absl::OkStatus() : UnknownVersion(version);
  }

  static void ReadMessage(schema::Envelope::Reader root, Message& message) {
    message.method = root.getMethod();
    const absl::string_view command = View(root.getCommand());
    message.command.assign(command.data(), command.size());
    for (const schema::Envelope::Entry::Reader entry : root.getMetadata()) {
      message.metadata.Add(View(entry.getKey()), View(entry.getValue()));
    }
  }

  const CodecTraits traits_{
      .ids = IdPolicy::assigned, .kinds = kNativeKinds, .header_bytes = envelope::kHeaderBytes, .payload_alignment = 1};
};

}  // namespace

std::shared_ptr<const MessageCodec<Message>> NewCapnpCodec() { return std::make_shared<CapnpCodec>(); }

}  // namespace rain
