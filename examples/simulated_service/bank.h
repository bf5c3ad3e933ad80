// A bank and its tellers: ordinary code over ListenRain, without a word of simulation in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/listenrain.h"

namespace bank {

using rain::Message;

// The number is given by who wants it made, and is that of no other: it is made once, however often it is asked for.
struct Transfer {
  uint64_t number = 0;
  std::string from, to;
  int64_t amount = 0;
};

// Lines that outlive the bank's process, such as those of a file.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual std::vector<std::string> lines() const = 0;
  // OK: it is safe. An error: nobody knows, and no other can be appended.
  virtual absl::Status Append(absl::string_view line) = 0;
};

// Everybody begins with 100, and nobody has less than 0. Goes on where its journal ends. Outlives the ListenRain that it is
// served by. Thread: any.
class Bank {
 public:
  struct Options {
    bool with_bug = false;  // planted, for the simulation to find: decisions are forgotten when the process ends
  };
  Bank(Journal& journal, const Options& options);
  // The key that is bound. Errors: those of Listen.
  absl::StatusOr<rain::TransportKey> Serve(rain::ListenRain& rain, const rain::Protocol<Message>& protocol,
                                           const rain::TransportKey& key);

 private:
  // "made" or "refused"; the first decision holds. Errors: those of the journal.
  absl::StatusOr<std::string> Decide(const Transfer& transfer);
  void Carry(const Transfer& transfer, absl::string_view decision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int64_t& BalanceOf(const std::string& account) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Journal& journal_;
  rain::Mutex mutex_;
  std::map<std::string, int64_t> balances_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::string> decisions_ ABSL_GUARDED_BY(mutex_);  // by number
  rain::Listener listener_;
};

// Outlives its tasks, and not the ListenRain that it asks by. Thread: any.
class Teller {
 public:
  Teller(rain::ListenRain& rain, rain::Protocol<Message> protocol, rain::TransportKey bank);

  // "made" or "refused", for good. An error: nobody knows; ask for the same transfer again.
  rain::Task<absl::StatusOr<std::string>> Make(Transfer transfer);
  rain::Task<absl::StatusOr<std::string>> BalanceOf(std::string account);

 private:
  rain::Task<absl::StatusOr<std::string>> Ask(std::string command, std::string words);

  rain::ListenRain& rain_;
  const rain::Protocol<Message> protocol_;
  const rain::TransportKey bank_;
};

}  // namespace bank
