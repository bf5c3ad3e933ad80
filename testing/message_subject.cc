#include "listenrain/testing/message_subject.h"

#include <utility>
#include <vector>

namespace rain {
namespace {

std::string Describe(const Message& message) {
  std::string text =
      absl::StrCat("method ", message.method, ", command ", message.command.substr(0, 40), "(", message.command.size(), ")");
  for (const Metadata::Entry& entry : message.metadata.entries()) {
    absl::StrAppend(&text, ", ", entry.key, "=", absl::CHexEscape(entry.value));
  }
  const std::string body = message.text();
  return absl::StrCat(text, ", body ", absl::CHexEscape(body.substr(0, 40)), "(", body.size(), " bytes, sum ",
                      std::hash<std::string>()(body), ")");
}

std::vector<Message> Samples() {
  std::vector<Message> samples;
  samples.push_back({});
  samples.push_back(Message::Text(-1, "a small body"));
  samples.push_back(Message::Text(int64_t{0x0102030405060708}, std::string("\0\xff\n", 3)));
  samples.push_back({.command = "orders/new"});
  Message full = Message::Text("orders/find", std::string(300, 'b'));
  full.method = INT64_MIN;
  full.metadata.Add(kTraceParent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  full.metadata.Add("twice", "first");
  full.metadata.Add("twice", "");
  full.metadata.Add("", std::string("\0binary\xff", 8));
  samples.push_back(full.Share());
  full.body.clear();
  samples.push_back(std::move(full));
  Message large = Message::Bytes(1, Buffer::Adopt(std::string(kReferenceBytes + 1, 'l')));
  large.body.push_back(Buffer::Adopt(std::string(70'000, 'm')));
  large.command = std::string(1000, 'c');
  samples.push_back(std::move(large));
  return samples;
}

}  // namespace

MessageCodecSubject NewMessageSubject(std::shared_ptr<const MessageCodec<Message>> codec) {
  std::vector<Message> samples = Samples();
  std::vector<bool> strict;
  for (const Message& sample : samples) strict.push_back(sample.body.empty());
  MessageCodecSubject subject = NewMessageCodecSubject<Message>(codec, std::move(samples), Describe);
  for (size_t i = 0; i < strict.size(); ++i) subject.samples[i].strict = strict[i];
  subject.remaining = true;
  subject.flags = 0xff00;
  subject.error_detail = true;
  subject.encode_body = [codec](const MessageHeader& header, Buffer body, PayloadWriter& to) {
    return codec->EncodeMessage(header, Message::Bytes(7, std::move(body)), to);
  };
  subject.decode_body = [codec](const MessageHeader& header, Payload payload) -> absl::StatusOr<Payload> {
    absl::StatusOr<Message> message = codec->DecodeMessage(header, std::move(payload));
    if (!message.ok()) return message.status();
    return std::move(message->body);
  };
  return subject;
}

}  // namespace rain
