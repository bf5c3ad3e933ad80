// Codecs of the structs in capnp_struct_test.capnp, for tests: one with numbers for ids and no kinds, one with text and kinds.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "codecs/capnp_struct_test.capnp.h"
#include "listenrain/codecs/capnp_struct.h"

namespace rain {

using Job = CapnpStruct<schema::Job>;
using Order = CapnpStruct<schema::Order>;

inline absl::string_view View(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
inline capnp::Text::Reader TextOf(const std::string& text) { return {text.c_str(), text.size()}; }

inline std::shared_ptr<const MessageCodec<Job>> NewJobCodec() {
  return NewCapnpStructCodec<schema::Job>(
             {.id = [](schema::Job::Reader job) { return job.getId() == 0 ? MsgId() : MsgId(job.getId()); },
              .set_id = [](schema::Job::Builder job, const MsgId& id) { job.setId(id.integer()); }})
      .value();
}

inline CapnpStructOptions<schema::Order> OrderOptions() {
  return {.id = [](schema::Order::Reader order) { return order.getKey().size() == 0 ? MsgId() : MsgId(View(order.getKey())); },
          .set_id = [](schema::Order::Builder order, const MsgId& id) { order.setKey(TextOf(std::string(id.bytes()))); },
          .kind = [](schema::Order::Reader order) { return static_cast<MessageKind>(order.getKind()); },
          .set_kind = [](schema::Order::Builder order, MessageKind kind) { order.setKind(static_cast<uint8_t>(kind)); },
          .more_kinds = Bit(MessageKind::one_way),
          .error =
              [](schema::Order::Reader order) {
                return absl::Status(static_cast<absl::StatusCode>(order.getErrorCode()), View(order.getErrorText()));
              },
          .set_error =
              [](schema::Order::Builder order, const absl::Status& error) {
                order.setErrorCode(static_cast<uint8_t>(error.code()));
                order.setErrorText(TextOf(std::string(error.message())));
              },
          .route = [](schema::Order::Reader order) -> Route { return View(order.getMethod()); }};
}
inline std::shared_ptr<const MessageCodec<Order>> NewOrderCodec() {
  return NewCapnpStructCodec<schema::Order>(OrderOptions()).value();
}

inline Job MakeJob(uint64_t id, const std::string& name, const std::string& body) {
  return Job::Made([&](schema::Job::Builder job) {
    job.setId(id);
    job.setName(TextOf(name));
    job.setBody(kj::arrayPtr(reinterpret_cast<const kj::byte*>(body.data()), body.size()));
  });
}

inline Order MakeOrder(const std::string& key, const std::string& method, unsigned lines) {
  return Order::Made([&](schema::Order::Builder order) {
    order.setKey(TextOf(key));
    order.setMethod(TextOf(method));
    auto list = order.initLines(lines);
    for (unsigned i = 0; i < lines; ++i) list[i].setItem(TextOf(absl::StrCat("item ", i)));
  });
}

// What Cap'n Proto finds wrong only when it is read is "unreadable".
inline std::string DescribeJob(const Job& job) {
  std::string described;
  const absl::Status status = CatchingKj([&] {
    const auto body = job.reader().getBody();
    described = absl::StrCat(View(job.reader().getName()), ", ", body.size(), " bytes, ",
                             std::string(body.asChars().begin(), body.size()));
  });
  return status.ok() ? described : "unreadable";
}
// Of a list that says how long it is, as a program should read it: 56 bytes may announce millions of elements without a byte
// each.
inline std::string DescribeOrder(const Order& order) {
  constexpr capnp::uint kMostLines = 1000;
  std::string described;
  const absl::Status status = CatchingKj([&] {
    described = std::string(View(order.reader().getMethod()));
    const auto lines = order.reader().getLines();
    absl::StrAppend(&described, ", ", lines.size(), " lines");
    for (capnp::uint i = 0; i < std::min(lines.size(), kMostLines); ++i)
      absl::StrAppend(&described, ", ", lines[i].getCount(), " ", View(lines[i].getItem()));
  });
  return status.ok() ? described : "unreadable";
}

}  // namespace rain
