// The Cap'n Proto struct codec: a program's own struct is the message, its bytes are the payload, and the id is one of its
// fields. Unlike our other headers it includes those of Cap'n Proto: it is for programs that use that themselves.
//
//   struct Call { id @0 :UInt64; name @1 :Text; }    # call.capnp
//
//   auto codec = rain::NewCapnpStructCodec<Call>({
//       .id = [](Call::Reader call) { return rain::MsgId(call.getId()); },
//       .set_id = [](Call::Builder call, const rain::MsgId& id) { call.setId(id.integer()); }});
//   auto call = rain::CapnpStruct<Call>::Made([](Call::Builder call) { call.setName("Ada"); });
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/array.h>
#include <kj/exception.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "listenrain/codecs/native_fields.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/framework/status.h"

namespace rain {

// One message in Cap'n Proto's standard framing, which owns its bytes: aligned, in one piece. Thread: one at a time.
class CapnpWords {
 public:
  // Takes ownership. Errors: INVALID_ARGUMENT if the payload is not one message, whole and with nothing behind it. A payload of
  // one aligned piece is kept as it is, another is copied.
  static absl::StatusOr<std::unique_ptr<CapnpWords>> From(Payload payload);
  // Of what was built. Errors: INVALID_ARGUMENT, with what Cap'n Proto says.
  static absl::StatusOr<std::unique_ptr<CapnpWords>> Of(capnp::MessageBuilder& built);

  capnp::MessageReader& reader() { return reader_; }
  // Another reader of the same, which borrows this: Cap'n Proto bounds what is read by one, however often.
  capnp::FlatArrayMessageReader Again() const;
  const Buffer& bytes() const { return bytes_; }

  CapnpWords(Buffer aligned, const capnp::ReaderOptions& limits);

 private:
  static absl::StatusOr<std::unique_ptr<CapnpWords>> Parse(Buffer aligned, const capnp::ReaderOptions& limits);

  const Buffer bytes_;
  capnp::FlatArrayMessageReader reader_;
};

// OK, or what Cap'n Proto threw, as INVALID_ARGUMENT.
absl::Status CatchingKj(absl::FunctionRef<void()> call);

// A struct S with its bytes. Empty when it was moved from or default-constructed: reader() then has all defaults.
template <class S>
class CapnpStruct {
 public:
  CapnpStruct() = default;
  // Throws what `build`, a function of typename S::Builder, throws.
  template <class Build>
  static CapnpStruct Made(Build build) {
    capnp::MallocMessageBuilder builder;
    build(builder.initRoot<S>());
    return CapnpStruct(CapnpWords::Of(builder).value());
  }
  // Errors: INVALID_ARGUMENT if the payload is no such message.
  static absl::StatusOr<CapnpStruct> From(Payload payload) {
    absl::StatusOr<std::unique_ptr<CapnpWords>> words = CapnpWords::From(std::move(payload));
    if (!words.ok()) return words.status();
    absl::StatusOr<CapnpStruct> made(absl::in_place);
    if (absl::Status status = CatchingKj([&] { *made = CapnpStruct(*std::move(words)); }); !status.ok()) return status;
    return made;
  }

  // Borrowed from this. Cap'n Proto checks what is behind a pointer when it is followed: what a peer sent may throw kj::Exception
  // from the reader's methods, which becomes an error reply if a handler lets it pass. A list of elements without fields may have
  // eight million of them in no bytes: bound the loops over lists of structs.
  typename S::Reader reader() const { return words_ == nullptr ? typename S::Reader() : root_; }
  // The message in Cap'n Proto's framing; null if empty.
  const CapnpWords* words() const { return words_.get(); }

 private:
  explicit CapnpStruct(std::unique_ptr<CapnpWords> words)
      : words_(std::move(words)), root_(words_->reader().template getRoot<S>()) {}

  std::unique_ptr<CapnpWords> words_;
  typename S::Reader root_;
};

// Where S has what the engine needs. What these throw ends the message only.
template <class S>
struct CapnpStructOptions {
  using Reader = typename S::Reader;
  using Builder = typename S::Builder;

  // The id: an empty one is none. Both must be there.
  std::function<MsgId(Reader)> id;
  std::function<void(Builder, const MsgId&)> set_id;
  // The kind, and which of them S can tell apart beside request and reply: one_way, if any, for a struct is never a header alone.
  // Both or neither: without, acceptors read requests, dialers replies.
  std::function<MessageKind(Reader)> kind;
  std::function<void(Builder, MessageKind)> set_kind;
  KindSet more_kinds = 0;
  // An error reply's status, its text cut to 1 KiB. Both or neither; needs kind.
  std::function<absl::Status(Reader)> error;
  std::function<void(Builder, const absl::Status&)> set_error;
  // Null: one handler for all.
  std::function<Route(Reader)> route;
};

// See NewCapnpStructCodec.
template <class S>
class CapnpStructCodec final : public MessageCodec<CapnpStruct<S>> {
 public:
  using Struct = CapnpStruct<S>;
  explicit CapnpStructCodec(CapnpStructOptions<S> options) : options_(std::move(options)) {
    traits_.ids = IdPolicy::carried;
    traits_.payload_alignment = sizeof(capnp::word);
    if (options_.kind == nullptr) return;
    traits_.kinds = Bit(MessageKind::request) | Bit(MessageKind::reply) | options_.more_kinds;
    if (options_.error != nullptr) traits_.kinds |= Bit(MessageKind::error);
  }

  const CodecTraits& traits() const override { return traits_; }

  // Nothing is known late: the id was encoded with the message.
  void WriteHeader(const MessageHeader&, absl::Span<char>) const override {}

  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role role) const override {
    absl::StatusOr<Struct> message = Struct::From(Share(payload));
    if (!message.ok()) return message.status();
    return HeaderOf(message->reader(), role);
  }

  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    if (options_.set_error == nullptr) return NoErrors();
    return Write(to, [&](capnp::MessageBuilder& builder) {
      auto root = builder.initRoot<S>();
      options_.set_id(root, header.id);
      options_.set_kind(root, MessageKind::error);
      options_.set_error(
          root, WithDetail(absl::Status(error.code(), Utf8Prefix(error.message(), kMaxErrorTextBytes)), DetailOf(error)));
    });
  }

  absl::Status DecodeError(const MessageHeader&, const Payload& payload) const override {
    if (options_.error == nullptr) return NoErrors();
    absl::StatusOr<Struct> message = Struct::From(Share(payload));
    if (!message.ok()) return message.status();
    absl::Status error;
    if (absl::Status thrown = CatchingKj([&] { error = options_.error(message->reader()); }); !thrown.ok()) return thrown;
    return error.ok() ? absl::InvalidArgumentError("capnp struct codec: an error reply whose status is OK") : error;
  }

  absl::Status EncodeMessage(const MessageHeader& header, const Struct& message, PayloadWriter& to) const override {
    if (message.words() == nullptr) return EncodeFrom(header, typename S::Reader(), nullptr, to);
    absl::Status status;
    absl::Status thrown = CatchingKj([&] {
      capnp::FlatArrayMessageReader reader = message.words()->Again();
      status = EncodeFrom(header, reader.getRoot<S>(), &message.words()->bytes(), to);
    });
    return thrown.ok() ? status : thrown;
  }

  absl::StatusOr<Struct> DecodeMessage(const MessageHeader&, Payload&& payload) const override {
    absl::StatusOr<Struct> message = Struct::From(std::move(payload));
    if (!message.ok()) return message;
    // What the engine will ask for is read once here, where it may be found wrong.
    absl::Status status = HeaderOf(message->reader(), Role::acceptor).status();
    if (status.ok()) status = CatchingKj([&] { (void)RouteOf(*message); });
    if (!status.ok()) return status;
    return message;
  }

  MsgId IdOf(const Struct& message) const override { return options_.id(message.reader()); }
  Route RouteOf(const Struct& message) const override {
    return options_.route == nullptr ? Route() : options_.route(message.reader());
  }

 private:
  // As it is, if `as_it_is` has the right id and kind already; else from a copy in which they are.
  absl::Status EncodeFrom(const MessageHeader& header, typename S::Reader root, const Buffer* as_it_is, PayloadWriter& to) const {
    const absl::StatusOr<MessageHeader> own = HeaderOf(root, Role::acceptor);
    if (!own.ok()) return own.status();
    const bool id_differs = !header.id.empty() && !(own->id == header.id);
    const bool kind_differs = options_.kind != nullptr && own->kind != header.kind;
    if (!id_differs && !kind_differs && as_it_is != nullptr) {
      to.Append(as_it_is->Share());
      return to.status();
    }
    return Write(to, [&](capnp::MessageBuilder& builder) {
      builder.setRoot(root);
      auto copy = builder.getRoot<S>();
      if (id_differs) options_.set_id(copy, header.id);
      if (kind_differs) options_.set_kind(copy, header.kind);
    });
  }

  absl::StatusOr<MessageHeader> HeaderOf(typename S::Reader root, Role role) const {
    MessageHeader header{.kind = role == Role::acceptor ? MessageKind::request : MessageKind::reply};
    absl::Status thrown = CatchingKj([&] {
      header.id = options_.id(root);
      if (options_.kind != nullptr) header.kind = options_.kind(root);
    });
    if (!thrown.ok()) return thrown;
    return header;
  }

  static absl::Status Write(PayloadWriter& to, absl::FunctionRef<void(capnp::MessageBuilder&)> build) {
    capnp::MallocMessageBuilder builder;
    if (absl::Status thrown = CatchingKj([&] { build(builder); }); !thrown.ok()) return thrown;
    absl::StatusOr<std::unique_ptr<CapnpWords>> words = CapnpWords::Of(builder);
    if (!words.ok()) return words.status();
    to.Append((*words)->bytes().Share());
    return to.status();
  }

  static absl::Status NoErrors() {
    return absl::FailedPreconditionError("capnp struct codec: its options name no place for an error");
  }

  const CapnpStructOptions<S> options_;
  CodecTraits traits_;
};

// Ids are carried. The payload is the struct in Cap'n Proto's standard framing, and nothing else. A struct is written as it is if
// it has its id and kind; a reply, which gets its request's, from a copy if it has not. Messages of 16 KiB and more are not
// copied otherwise; a received one of 64 KiB and more may be. Errors: INVALID_ARGUMENT if options lack id or set_id, or have one
// function of a pair.
template <class S>
absl::StatusOr<std::shared_ptr<const MessageCodec<CapnpStruct<S>>>> NewCapnpStructCodec(CapnpStructOptions<S> options) {
  const auto paired = [](const auto& get, const auto& set) { return (get == nullptr) == (set == nullptr); };
  if (options.id == nullptr || options.set_id == nullptr || !paired(options.kind, options.set_kind) ||
      !paired(options.error, options.set_error) || (options.error != nullptr && options.kind == nullptr)) {
    return absl::InvalidArgumentError(
        "capnp struct codec: id and set_id must be there, kind and set_kind, error and set_error come in pairs, and error needs "
        "kind");
  }
  return std::make_shared<CapnpStructCodec<S>>(std::move(options));
}

}  // namespace rain
