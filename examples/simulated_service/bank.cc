#include "listenrain/examples/simulated_service/bank.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bank {
namespace {

using rain::Task;

constexpr int64_t kGift = 100;
constexpr absl::Duration kPatience = absl::Seconds(5);

std::string Write(const Transfer& transfer) {
  return absl::StrCat(transfer.number, " ", transfer.from, " ", transfer.to, " ", transfer.amount);
}

absl::StatusOr<Transfer> ReadTransfer(absl::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  Transfer transfer;
  if (words.size() != 4 || !absl::SimpleAtoi(words[0], &transfer.number) || !absl::SimpleAtoi(words[3], &transfer.amount) ||
      transfer.amount <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": a transfer reads NUMBER FROM TO AMOUNT"));
  }
  transfer.from = words[1];
  transfer.to = words[2];
  return transfer;
}

}  // namespace

Bank::Bank(Journal& journal, const Options& options) : journal_(journal) {
  rain::MutexLock lock(mutex_);
  for (const std::string& line : journal_.lines()) {
    const std::pair<std::string, std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    const absl::StatusOr<Transfer> transfer = ReadTransfer(words.second);
    if (transfer.ok()) Carry(*transfer, words.first);
  }
  if (options.with_bug) decisions_.clear();  // only the balances are restored
}

absl::StatusOr<rain::TransportKey> Bank::Serve(rain::ListenRain& rain, const rain::Protocol<Message>& protocol,
                                               const rain::TransportKey& key) {
  rain::Router<Message> router;
  router.On("make", [this](Message request, rain::CallContext) -> Task<absl::StatusOr<Message>> {
    const absl::StatusOr<Transfer> transfer = ReadTransfer(request.text());
    if (!transfer.ok()) co_return transfer.status();
    const absl::StatusOr<std::string> decision = Decide(*transfer);
    if (!decision.ok()) co_return decision.status();
    co_return Message::Text(*decision);
  });
  router.On("balance", [this](Message request, rain::CallContext) -> Task<absl::StatusOr<Message>> {
    rain::MutexLock lock(mutex_);
    co_return Message::Text(absl::StrCat(BalanceOf(request.text())));
  });
  absl::StatusOr<rain::Listener> listener = rain.Listen(protocol, key, std::move(router));
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  return listener_.bound_key();
}

absl::StatusOr<std::string> Bank::Decide(const Transfer& transfer) {
  rain::MutexLock lock(mutex_);
  if (const auto decided = decisions_.find(transfer.number); decided != decisions_.end()) return decided->second;
  const std::string decision = BalanceOf(transfer.from) >= transfer.amount ? "made" : "refused";
  absl::Status kept = journal_.Append(absl::StrCat(decision, " ", Write(transfer)));
  if (!kept.ok()) return kept;
  Carry(transfer, decision);
  return decision;
}

void Bank::Carry(const Transfer& transfer, absl::string_view decision) {
  decisions_[transfer.number] = std::string(decision);
  if (decision != "made") return;
  BalanceOf(transfer.from) -= transfer.amount;
  BalanceOf(transfer.to) += transfer.amount;
}

int64_t& Bank::BalanceOf(const std::string& account) { return balances_.try_emplace(account, kGift).first->second; }

Teller::Teller(rain::ListenRain& rain, rain::Protocol<Message> protocol, rain::TransportKey bank)
    : rain_(rain), protocol_(std::move(protocol)), bank_(std::move(bank)) {}

Task<absl::StatusOr<std::string>> Teller::Make(Transfer transfer) { return Ask("make", Write(transfer)); }

Task<absl::StatusOr<std::string>> Teller::BalanceOf(std::string account) { return Ask("balance", std::move(account)); }

// Asking twice does no harm, so that what a broken connection has swallowed may be sent again.
Task<absl::StatusOr<std::string>> Teller::Ask(std::string command, std::string words) {
  const Message request = Message::Text(command, words);
  const rain::SendOptions options{.timeout = kPatience, .idempotent = true, .wait_for_ready = true};
  const absl::StatusOr<Message> reply = co_await rain_.CoSend(protocol_, bank_, request, options);
  if (!reply.ok()) co_return reply.status();
  co_return reply->text();
}

}  // namespace bank
