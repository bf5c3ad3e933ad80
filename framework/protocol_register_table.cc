#include "listenrain/framework/protocol_register_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"

namespace rain {
namespace {

// True if the factory makes something.
template <class Make>
bool Makes(const Make& make) {
  return Guarded("", [&] { return make() != nullptr ? absl::OkStatus() : absl::InternalError(""); }).ok();
}

// What is wrong with a protocol's parts, or nothing.
std::string Complaint(const ProtocolParts& parts, bool takes_messages) {
  if (parts.name.empty()) return "it has no name";
  if (parts.header_codec == nullptr) return "it has no message_codec";
  if (parts.packet_codec == nullptr) return "it has no packet_codec, and the program no default";
  if (parts.executor == nullptr) return "it has no executor, and the program no default";
  if (parts.timeout <= absl::ZeroDuration()) return "its timeout is not positive";
  const CodecTraits& traits = parts.traits;
  if (traits.header_bytes > PayloadWriter::kReservedAtBegin) {
    return absl::StrCat("its message_codec has ", traits.header_bytes, " header bytes; at most ", PayloadWriter::kReservedAtBegin,
                        " are possible");
  }
  if (parts.queue != nullptr && !Makes(parts.queue)) return "its queue factory makes none, or throws";
  if (parts.stat_machines != nullptr &&
      !Makes([&, nodes = std::make_unique<OutgoingPool>()] { return parts.stat_machines(*nodes); })) {
    return "its factory of stat machine pools makes none, or throws";
  }
  const size_t alignment = traits.payload_alignment;
  if (alignment != 1 && alignment != 2 && alignment != 4 && alignment != 8) return "its payload_alignment is not 1, 2, 4 or 8";
  if (traits.ids == IdPolicy::assigned && traits.header_bytes == 0)
    return "its ids are assigned, and it has no header bytes to put them in";
  const KindSet headers_alone =
      Bit(MessageKind::cancel) | Bit(MessageKind::ping) | Bit(MessageKind::pong) | Bit(MessageKind::go_away);
  if ((traits.kinds & headers_alone) != 0 && traits.header_bytes == 0) {
    return "its message_codec has kinds that are a header alone (cancel, ping, pong, go_away), and no header bytes to write them "
           "in";
  }
  if (takes_messages && !(traits.Has(MessageKind::request) && traits.Has(MessageKind::reply))) {
    return "its router would take requests on dialed transports, and its message_codec cannot tell requests from replies";
  }
  const Limits& limits = parts.limits;
  const std::pair<const char*, size_t> positive[] = {{"limits.max_packet_bytes", limits.max_packet_bytes},
                                                     {"limits.max_queued_bytes", limits.max_queued_bytes},
                                                     {"limits.max_queued_packets", limits.max_queued_packets},
                                                     {"limits.window_requests", limits.window_requests},
                                                     {"limits.window_bytes", limits.window_bytes},
                                                     {"pool.channels_per_key", parts.pool.channels_per_key}};
  for (const auto& [name, value] : positive) {
    if (value == 0) return absl::StrCat("its ", name, " is 0");
  }
  if (limits.stall <= absl::ZeroDuration()) return "its limits.stall is not positive";
  if (parts.keepalive <= absl::ZeroDuration()) return "its keepalive is not positive";
  if (parts.keepalive < absl::InfiniteDuration() && !(traits.Has(MessageKind::ping) && traits.Has(MessageKind::pong))) {
    return "its keepalive needs pings, which its message_codec has not: use the socket's, as in tcp://host:1?keepalive=30";
  }
  if (parts.pool.max_idle <= absl::ZeroDuration()) return "its pool.max_idle is not positive";
  return "";
}

}  // namespace

ProtocolRegisterTable::ProtocolRegisterTable(std::shared_ptr<const PacketCodec> packet_codec, std::shared_ptr<Executor> executor)
    : packet_codec_(std::move(packet_codec)), executor_(std::move(executor)) {}

absl::Status ProtocolRegisterTable::Add(const std::shared_ptr<ProtocolParts>& parts, bool takes_messages) {
  if (parts->packet_codec == nullptr) parts->packet_codec = packet_codec_;
  if (parts->executor == nullptr) parts->executor = executor_;
  if (parts->header_codec != nullptr) parts->traits = parts->header_codec->traits();
  if (const std::string wrong = Complaint(*parts, takes_messages); !wrong.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("protocol \"", parts->name, "\": ", wrong));
  }
  MutexLock lock(mutex_);
  for (const auto& entry : entries_) {
    if (entry->name == parts->name)
      return absl::AlreadyExistsError(absl::StrCat("protocol \"", parts->name, "\" is registered already"));
  }
  parts->index = entries_.size();
  entries_.push_back(parts);
  return absl::OkStatus();
}

std::vector<std::shared_ptr<const ProtocolParts>> ProtocolRegisterTable::All() const {
  MutexLock lock(mutex_);
  return entries_;
}

}  // namespace rain
