// A bank over real sockets, with its journal in a file. Asked a second time for the transfers that it has made, it makes none
// twice.
//
//   bank /tmp/journal tcp://127.0.0.1:0
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "listenrain/examples/simulated_service/bank.h"

namespace bank {
namespace {

constexpr absl::string_view kEnd = " .";  // a line without it was cut off

class FileJournal final : public Journal {
 public:
  explicit FileJournal(const char* path) : path_(path), file_(std::fopen(path, "a")) {}
  ~FileJournal() override {
    if (file_ != nullptr) std::fclose(file_);
  }
  FileJournal(const FileJournal&) = delete;
  FileJournal& operator=(const FileJournal&) = delete;

  std::vector<std::string> lines() const override {
    std::vector<std::string> lines;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      if (absl::EndsWith(line, kEnd)) lines.push_back(line.substr(0, line.size() - kEnd.size()));
    }
    return lines;
  }
  absl::Status Append(absl::string_view line) override {
    const std::string text = absl::StrCat("\n", line, kEnd);
    if (file_ != nullptr && std::fwrite(text.data(), 1, text.size(), file_) == text.size() && std::fflush(file_) == 0 &&
        fsync(fileno(file_)) == 0) {
      return absl::OkStatus();
    }
    if (file_ != nullptr) std::fclose(std::exchange(file_, nullptr));
    return absl::UnavailableError(absl::StrCat(path_, " cannot be written"));
  }

 private:
  const std::string path_;
  std::FILE* file_;  // null: no more can be appended
};

absl::Status Run(const char* path, const rain::TransportKey& key) {
  FileJournal journal(path);
  Bank bank(journal, {});
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  const auto protocol = rain::RegisterMessages(**rain);
  if (!protocol.ok()) return protocol.status();
  const auto bound = bank.Serve(**rain, *protocol, key);
  if (!bound.ok()) return bound.status();

  Teller teller(**rain, *protocol, *bound);
  for (const Transfer& transfer : {Transfer{1, "ada", "bob", 70}, Transfer{2, "ada", "bob", 70}}) {
    const absl::StatusOr<std::string> decision = rain::SyncWait(teller.Make(transfer));
    if (!decision.ok()) return decision.status();
    std::cout << "transfer " << transfer.number << " is " << *decision << "\n";
  }
  for (const char* account : {"ada", "bob"}) {
    const absl::StatusOr<std::string> balance = rain::SyncWait(teller.BalanceOf(account));
    if (!balance.ok()) return balance.status();
    std::cout << account << " has " << *balance << "\n";
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace bank

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "usage: bank JOURNAL_FILE KEY\n";
    return 2;
  }
  const absl::Status ended = bank::Run(words[1], words[2]);
  if (!ended.ok()) std::cerr << "bank: " << ended << "\n";
  return ended.ok() ? 0 : 1;
}
