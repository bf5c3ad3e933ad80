#include "listenrain/testing/message_codec_checks.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "listenrain/framework/status.h"

namespace rain::message_checks {
namespace {

const uint64_t kIds[] = {
    1, 255, 256, 0x01020304, uint64_t{1} << 32, (uint64_t{1} << 32) + 5, 0x0102030405060708, uint64_t{1} << 63, UINT64_MAX};

constexpr KindSet kControl =
    Bit(MessageKind::cancel) | Bit(MessageKind::ping) | Bit(MessageKind::pong) | Bit(MessageKind::go_away);

bool IsOneOf(MessageKind kind, KindSet set) { return (Bit(kind) & set) != 0; }

// The header that the wire gives back for `header`.
MessageHeader Expected(const Subject& subject, const Sample& sample, const MessageHeader& header) {
  MessageHeader expected = header;
  const IdPolicy ids = subject.codec->traits().ids;
  if (ids == IdPolicy::in_order) expected.id = MsgId();
  if (ids == IdPolicy::carried && header.id.empty()) expected.id = sample.id;
  return expected;
}

std::string HexDifference(absl::string_view a, absl::string_view b) {
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  return absl::StrCat("from byte ", at, " on");
}

}  // namespace

std::vector<MessageKind> KindsOf(const HeaderCodec& codec) {
  if (codec.traits().kinds == 0) return {MessageKind::request, MessageKind::reply};
  std::vector<MessageKind> kinds;
  for (const MessageKind kind : {MessageKind::request, MessageKind::reply, MessageKind::one_way}) {
    if (codec.traits().Has(kind)) kinds.push_back(kind);
  }
  return kinds;
}

Role ReaderOf(MessageKind kind) {
  return kind == MessageKind::reply || kind == MessageKind::error ? Role::dialer : Role::acceptor;
}

MessageHeader HeaderFor(const Subject& subject, const Sample& sample, MessageKind kind) {
  MessageHeader header{.kind = kind, .flags = subject.flags};
  if (subject.codec->traits().ids == IdPolicy::assigned && kind == MessageKind::reply)
    header.id = MsgId(uint64_t{0x1122334455667788});
  if (subject.codec->traits().ids == IdPolicy::carried && kind == MessageKind::reply) header.id = sample.id;
  if (subject.remaining && kind == MessageKind::request) header.remaining = absl::Milliseconds(1234);
  return header;
}

Payload OnePiece(std::string bytes) {
  Payload payload;
  payload.push_back(Buffer::Adopt(std::move(bytes)));
  return payload;
}

Payload InPlace(PlacedBytes& bytes) {
  Payload payload;
  payload.push_back(Buffer::Static(absl::string_view(bytes.data(), bytes.size())));
  return payload;
}

Payload TwoPieces(absl::string_view bytes, size_t cut) {
  Payload payload;
  payload.push_back(Buffer::Adopt(std::string(bytes.substr(0, cut))));
  payload.push_back(Buffer::Adopt(std::string(bytes.substr(cut))));
  return payload;
}

absl::StatusOr<Payload> Written(absl::FunctionRef<absl::Status(PayloadWriter&)> encode, const WriterOptions& options) {
  const std::shared_ptr<BufferPool> pool = NewBufferPool();
  PooledWriter writer(*pool, options.max_bytes, options.block_bytes);
  if (absl::Status status = writer.Begin(); !status.ok()) return status;
  if (absl::Status status = encode(writer); !status.ok()) return status;
  if (!writer.status().ok()) return absl::InternalError("the codec said OK, though its writer refused");
  return writer.Take();
}

absl::StatusOr<std::string> Encoded(const Sample& sample, const MessageHeader& header) {
  const auto payload = Written([&](PayloadWriter& to) { return sample.encode(header, to); });
  if (!payload.ok()) return payload.status();
  return ToString(*payload);
}

MsgId ErrorId(const Subject& subject) {
  return subject.codec->traits().ids == IdPolicy::carried ? subject.samples.front().id : MsgId(uint64_t{0x1122334455667788});
}

absl::StatusOr<std::string> EncodedError(const Subject& subject, const absl::Status& error) {
  const MessageHeader header{.id = ErrorId(subject), .kind = MessageKind::error, .flags = subject.flags};
  const auto payload = Written([&](PayloadWriter& to) { return subject.codec->EncodeError(header, error, to); });
  if (!payload.ok()) return payload.status();
  return ToString(*payload);
}

std::vector<size_t> Cuts(size_t from, size_t size) {
  std::vector<size_t> cuts;
  for (size_t at = from; at < size;
       at += (size <= 1024 || at < 256 || size - at <= 64) ? 1 : std::min<size_t>(997, size - at - 64)) {
    cuts.push_back(at);
  }
  return cuts;
}

std::string Describe(const Subject& subject, const absl::StatusOr<MessageHeader>& header) {
  if (!header.ok()) return absl::StrCat("the error ", header.status().ToString());
  std::string text = absl::StrCat("kind ", static_cast<int>(header->kind), ", id ", ToString(header->id));
  if (subject.flags != 0) absl::StrAppend(&text, ", flags ", absl::StrFormat("%#06x", header->flags & subject.flags));
  if (subject.remaining)
    absl::StrAppend(&text, ", remaining ", absl::FormatDuration(absl::Floor(header->remaining, absl::Milliseconds(1))));
  return text;
}

std::string Describe(const absl::StatusOr<std::string>& described) {
  return described.ok() ? absl::StrCat("[", *described, "]") : absl::StrCat("the error ", described.status().ToString());
}

Violations TraitsAreConstantAndPossible(const Subject& subject) {
  Violations violations;
  const CodecTraits traits = subject.codec->traits();
  if (subject.samples.size() < 2) Report(violations, "the suite needs two samples at least");
  if (traits.header_bytes > PayloadWriter::kReservedAtBegin) {
    Report(violations, "header_bytes is ", traits.header_bytes, ", more than ", PayloadWriter::kReservedAtBegin);
  }
  if (traits.ids == IdPolicy::assigned && traits.header_bytes < sizeof(uint64_t)) {
    Report(violations, "assigned ids find no room in ", traits.header_bytes, " header bytes");
  }
  if (traits.payload_alignment != 1 && traits.payload_alignment != 2 && traits.payload_alignment != 4 &&
      traits.payload_alignment != 8) {
    Report(violations, "payload_alignment is ", traits.payload_alignment, ", not 1, 2, 4 or 8");
  }
  if (traits.kinds != 0 && (!traits.Has(MessageKind::request) || !traits.Has(MessageKind::reply))) {
    Report(violations, "the wire has kinds, but not both request and reply");
  }
  if (&subject.codec->traits() != &subject.codec->traits()) Report(violations, "each call of traits() returns another object");
  ForEachMessage(subject, violations, [&](const Sample& sample, const MessageHeader&, const std::string& bytes) {
    if (bytes.size() < traits.header_bytes) Report(violations, "[", sample.described, "] is shorter than header_bytes");
    if (traits.ids == IdPolicy::carried && sample.id.empty()) Report(violations, "[", sample.described, "] carries no id");
  });
  return violations;
}

Violations EveryMessageComesBack(const Subject& subject) {
  Violations violations;
  ForEachMessage(subject, violations, [&](const Sample& sample, const MessageHeader& header, const std::string& bytes) {
    const auto peeked = subject.codec->PeekHeader(OnePiece(bytes), ReaderOf(header.kind));
    const std::string expected = Describe(subject, Expected(subject, sample, header));
    if (const std::string got = Describe(subject, peeked); got != expected) {
      return Report(violations, "the header of [", sample.described, "], ", expected, ", comes back as ", got);
    }
    const auto decoded = subject.decode(*peeked, OnePiece(bytes));
    if (!decoded.ok() || *decoded != sample.described) {
      Report(violations, "[", sample.described, "] as kind ", static_cast<int>(header.kind), " comes back as ",
             Describe(decoded));
    }
  });
  return violations;
}

Violations IdsComeBackWhole(const Subject& subject) {
  Violations violations;
  const CodecTraits& traits = subject.codec->traits();
  if (traits.ids != IdPolicy::assigned) return violations;
  const Sample& sample = subject.samples.front();
  for (const uint64_t id : kIds) {
    const auto check = [&](absl::string_view how, MessageKind kind, absl::StatusOr<std::string> bytes) {
      if (!bytes.ok()) return Report(violations, "not encoded: ", bytes.status().ToString());
      const auto peeked = subject.codec->PeekHeader(OnePiece(*bytes), ReaderOf(kind));
      if (!peeked.ok() || peeked->id != MsgId(id)) {
        Report(violations, "the id ", id, ", ", how, ", comes back as ", Describe(subject, peeked));
      }
    };
    MessageHeader reply = HeaderFor(subject, sample, MessageKind::reply);
    reply.id = MsgId(id);
    check("of a reply", MessageKind::reply, Encoded(sample, reply));
    MessageHeader request = HeaderFor(subject, sample, MessageKind::request);
    absl::StatusOr<std::string> bytes = Encoded(sample, request);
    request.id = MsgId(id);
    if (bytes.ok()) subject.codec->WriteHeader(request, absl::MakeSpan(&(*bytes)[0], traits.header_bytes));
    check("given by WriteHeader", MessageKind::request, std::move(bytes));
  }
  return violations;
}

Violations WriteHeaderPatchesItsBytesAlone(const Subject& subject) {
  Violations violations;
  const CodecTraits& traits = subject.codec->traits();
  if (traits.ids != IdPolicy::assigned) return violations;
  for (const Sample& sample : subject.samples) {
    MessageHeader header = HeaderFor(subject, sample, MessageKind::request);
    const absl::StatusOr<std::string> bytes = Encoded(sample, header);
    if (!bytes.ok() || bytes->size() < traits.header_bytes) {
      Report(violations, "[", sample.described, "] is not encoded");
      continue;
    }
    header.id = MsgId(uint64_t{0x8877665544332211});
    if (subject.remaining) header.remaining = absl::Milliseconds(77);
    const std::string canary(64, '\xa5');
    PlacedBytes first(absl::string_view(*bytes).substr(0, traits.header_bytes), canary[0]);
    subject.codec->WriteHeader(header, {first.data(), first.size()});
    if (std::memcmp(first.data() - 64, canary.data(), 64) != 0 ||
        std::memcmp(first.data() + first.size(), canary.data(), 64) != 0) {
      Report(violations, "it wrote outside the first ", traits.header_bytes, " bytes");
    }
    const std::string patched = std::string(first.data(), first.size()) + bytes->substr(traits.header_bytes);
    const auto peeked = subject.codec->PeekHeader(OnePiece(patched), Role::acceptor);
    const std::string expected = Describe(subject, Expected(subject, sample, header));
    if (const std::string got = Describe(subject, peeked); got != expected) {
      Report(violations, "the header of [", sample.described, "], written over as ", expected, ", comes back as ", got);
      continue;
    }
    const auto decoded = subject.decode(*peeked, OnePiece(patched));
    if (!decoded.ok() || *decoded != sample.described) {
      Report(violations, "[", sample.described, "] with its header written over comes back as ", Describe(decoded));
    }
    // Late is what encoding early would have given: no byte depends on the way.
    const absl::StatusOr<std::string> at_once = Encoded(sample, header);
    if (!at_once.ok() || *at_once != patched) {
      Report(violations, "[", sample.described, "] with its id at once and given late differ ",
             at_once.ok() ? HexDifference(*at_once, patched) : at_once.status().ToString());
    }
  }
  return violations;
}

Violations ControlMessagesAreTheHeaderAlone(const Subject& subject) {
  Violations violations;
  const CodecTraits& traits = subject.codec->traits();
  for (int number = 1; number < 32; ++number) {
    const auto kind = static_cast<MessageKind>(number);
    if (!traits.Has(kind) || !IsOneOf(kind, kControl)) continue;
    for (const char before : {'\x00', '\xff'}) {
      const MessageHeader header{.id = MsgId(uint64_t{0x1122334455667788}), .kind = kind, .flags = subject.flags};
      std::string bytes(traits.header_bytes, before);
      subject.codec->WriteHeader(header, absl::MakeSpan(&bytes[0], bytes.size()));
      const auto peeked = subject.codec->PeekHeader(OnePiece(bytes), Role::acceptor);
      if (Describe(subject, peeked) != Describe(subject, header)) {
        Report(violations, "WriteHeader over bytes of nothing wrote ", Describe(subject, header), ", which comes back as ",
               Describe(subject, peeked));
      }
    }
  }
  return violations;
}

Violations AReplyHasItsRequestsId(const Subject& subject) {
  Violations violations;
  if (subject.codec->traits().ids != IdPolicy::carried) return violations;
  const Sample& other = subject.samples[0];
  for (size_t i = 1; i < subject.samples.size(); ++i) {
    MessageHeader header = HeaderFor(subject, subject.samples[i], MessageKind::reply);
    header.id = other.id;
    const auto bytes = Encoded(subject.samples[i], header);
    const auto peeked = bytes.ok() ? subject.codec->PeekHeader(OnePiece(*bytes), Role::dialer) : bytes.status();
    if (!peeked.ok() || peeked->id != other.id) {
      Report(violations, "a reply to ", ToString(other.id), " goes out as ", Describe(subject, peeked));
    }
  }
  return violations;
}

namespace {

// The status that comes back for `error`, or nothing if it was reported why not.
std::optional<absl::Status> Returned(const Subject& subject, const absl::Status& error, Violations& violations) {
  const MessageHeader header{.id = ErrorId(subject), .kind = MessageKind::error, .flags = subject.flags};
  const auto bytes = EncodedError(subject, error);
  if (!bytes.ok()) {
    Report(violations, "an error is not encoded: ", bytes.status().ToString());
    return std::nullopt;
  }
  const auto peeked = subject.codec->PeekHeader(OnePiece(*bytes), Role::dialer);
  if (Describe(subject, peeked) != Describe(subject, header)) {
    Report(violations, "the header of an error, ", Describe(subject, header), ", comes back as ", Describe(subject, peeked));
    return std::nullopt;
  }
  const absl::Status whole = subject.codec->DecodeError(*peeked, OnePiece(*bytes));
  for (const size_t cut : Cuts(subject.codec->traits().header_bytes, bytes->size())) {
    if (subject.codec->DecodeError(*peeked, TwoPieces(*bytes, cut)) != whole) {
      Report(violations, "an error in two pieces, cut at ", cut, ", comes back as another");
      break;
    }
  }
  return whole;
}

}  // namespace

Violations ErrorsComeBack(const Subject& subject) {
  Violations violations;
  if (!subject.codec->traits().Has(MessageKind::error)) return violations;
  for (int code = 1; code <= 16; ++code) {
    for (const std::string& text :
         {std::string(), std::string("no such order: 17\n\x01"), std::string(subject.max_error_text, 'x')}) {
      for (const std::string& detail : {std::string(), std::string("\0\xff detail", 9)}) {
        if (!detail.empty() && !subject.error_detail) continue;
        const absl::Status error = WithDetail(absl::Status(static_cast<absl::StatusCode>(code), text), detail);
        const auto returned = Returned(subject, error, violations);
        if (!returned.has_value()) continue;
        if (returned->code() != error.code() || returned->message() != error.message() || DetailOf(*returned) != detail) {
          Report(violations, error.ToString(), " with a detail of ", detail.size(), " bytes comes back as ",
                 returned->ToString());
        }
      }
    }
  }
  return violations;
}

Violations LongErrorTextsAreCut(const Subject& subject) {
  Violations violations;
  if (!subject.codec->traits().Has(MessageKind::error)) return violations;
  const size_t most = subject.max_error_text;
  for (const absl::string_view letter : {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\xa7"}) {
    for (size_t shift = 0; shift < 4; ++shift) {
      std::string text(shift, 'x');
      while (text.size() < most + 3000) text.append(letter.data(), letter.size());
      const auto returned = Returned(subject, absl::InternalError(text), violations);
      if (!returned.has_value()) continue;
      const absl::string_view cut = returned->message();
      const size_t whole_letters = (most - shift) / letter.size() * letter.size() + shift;
      if (returned->code() != absl::StatusCode::kInternal || cut != absl::string_view(text).substr(0, whole_letters)) {
        Report(violations, "a text of ", text.size(), " bytes comes back with ", cut.size(), " instead of ", whole_letters,
               ", the most that cut no letter in two");
      }
    }
  }
  return violations;
}

}  // namespace rain::message_checks
