// The bank in simulated worlds, one for each seed: tellers ask it while machines crash, connections break and clocks jump. Was
// every transfer made as often as its customer was told?
//
//   bank_worlds --seeds=1000         # clean
//   bank_worlds --seeds=1000 --bug   # and what a bank that forgets looks like
#include <cstdio>
#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "listenrain/examples/simulated_service/bank.h"
#include "listenrain/testing/shorten.h"
#include "listenrain/testing/sim_faults.h"
#include "listenrain/testing/sim_world.h"

ABSL_FLAG(uint64_t, seeds, 100, "how many worlds");
ABSL_FLAG(uint64_t, from, 1, "the first one's seed");
ABSL_FLAG(bool, bug, false, "the bank forgets what it has decided when its process ends");

namespace bank {
namespace {

constexpr size_t kTellers = 3, kTransfers = 200, kFaults = 20;
constexpr absl::Duration kTime = absl::Seconds(20);  // when all transfers were asked for, and all faults were begun
constexpr absl::Duration kCalm = absl::Seconds(20);  // after which none lasts any more
constexpr const char* kAccounts[] = {"ada", "bob", "cleo", "dan"};

struct Wish {
  absl::Duration at;
  Transfer transfer;
};

// All that a world is made of: the same plan gives the same history.
struct Plan {
  uint64_t seed = 0;
  std::vector<Wish> wishes;
  std::vector<rain::SimFault> faults;
};

Plan PlanOf(uint64_t seed) {
  rain::SimRandom random(seed);
  Plan plan{.seed = seed};
  for (uint64_t number = 1; number <= kTransfers; ++number) {
    const auto amount = static_cast<int64_t>(random.Between(1, 60));
    plan.wishes.push_back({random.Below(kTime), {number, random.OneOf(kAccounts), random.OneOf(kAccounts), amount}});
  }
  plan.faults = rain::DrawFaults(random, 1 + kTellers, kFaults, kTime);
  return plan;
}

// Without its payloads, which ToString tells in an order that addresses decide: the text goes into a history.
std::string TextOf(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
}

using Lines = std::vector<std::string>;

// A disk: its lines outlive the process, and a process that crashes writes no more.
class SimDisk final : public Journal {
 public:
  SimDisk(const rain::SimNode& node, Lines& lines) : node_(node), lines_(lines) {}
  Lines lines() const override { return lines_; }
  absl::Status Append(absl::string_view line) override {
    if (node_.dying()) return absl::UnavailableError("the process is gone");
    lines_.emplace_back(line);
    return absl::OkStatus();
  }

 private:
  const rain::SimNode& node_;
  Lines& lines_;
};

struct BankProgram final : rain::SimProgram {
  BankProgram(rain::SimNode& node, Lines& lines) : disk(node, lines), bank(disk, {.with_bug = absl::GetFlag(FLAGS_bug)}) {
    (void)bank.Serve(node.rain(), *rain::RegisterMessages(node.rain()), "sim://bank:1").value();
  }
  SimDisk disk;
  Bank bank;
};

struct TellerProgram final : rain::SimProgram {
  explicit TellerProgram(rain::SimNode& node) : teller(node.rain(), *rain::RegisterMessages(node.rain()), "sim://bank:1") {}
  Teller teller;
};

class BankWorld {
 public:
  BankWorld(const Plan& plan, bool keeps_lines) : world_(plan.seed, keeps_lines), faults_(world_, plan.faults) {
    world_.network().SetLink({.latency = absl::Milliseconds(10), .jitter = absl::Milliseconds(10)});
    world_.AddNode("bank", {}, [this](rain::SimNode& node) { return std::make_unique<BankProgram>(node, lines_); });
    for (size_t i = 1; i <= kTellers; ++i) {
      world_.AddNode(absl::StrCat("teller-", i), {}, [](rain::SimNode& node) { return std::make_unique<TellerProgram>(node); });
    }
    for (const Wish& wish : plan.wishes) AskIn(wish.at, wish.transfer, wish.transfer.number);
    undecided_ = plan.wishes.size();
  }

  // Empty: every promise was kept.
  const std::string& Run() {
    world_.RunFor(kTime + kCalm);
    if (!world_.RunUntil([this] { return undecided_ == 0; }, absl::Minutes(1))) {
      world_.Fail(absl::StrCat(undecided_, " transfers are undecided"));
    }
    if (world_.failure().empty()) rain::Spawn(*NodeOf(0).executor(), Check(NodeOf(0)));
    if (!world_.RunUntil([this] { return checked_; }, absl::Minutes(1))) world_.Fail("the bank does not say what they have");
    return world_.failure();
  }
  const rain::SimHistory& history() { return world_.history(); }

 private:
  rain::SimNode& NodeOf(uint64_t teller) { return *world_.nodes()[1 + teller % kTellers]; }
  static Teller& TellerOn(rain::SimNode& node) { return static_cast<TellerProgram&>(*node.program()).teller; }

  // The customer goes from teller to teller, until one of them knows.
  void AskIn(absl::Duration delay, const Transfer& transfer, uint64_t teller) {
    world_.agenda().In(delay, [this, transfer, teller] {
      rain::SimNode& node = NodeOf(teller);
      if (!node.serving()) return AskIn(absl::Seconds(1), transfer, teller + 1);
      world_.history().Note(node.name(), absl::StrCat("is asked for transfer ", transfer.number));
      rain::Spawn(*node.executor(), Ask(node, transfer, teller));
    });
  }
  rain::Task<> Ask(rain::SimNode& node, Transfer transfer, uint64_t teller) {
    const absl::StatusOr<std::string> decision = co_await TellerOn(node).Make(transfer);
    if (node.dying() || !decision.ok()) co_return AskIn(absl::Seconds(1), transfer, teller + 1);
    world_.history().Note(node.name(), absl::StrCat("transfer ", transfer.number, " is ", *decision));
    --undecided_;
    if (*decision != "made") co_return;
    gains_[transfer.from] -= transfer.amount;
    gains_[transfer.to] += transfer.amount;
  }

  // The bank says what its customers have reckoned.
  rain::Task<> Check(rain::SimNode& node) {
    for (const std::string account : kAccounts) {
      const absl::StatusOr<std::string> balance = co_await TellerOn(node).BalanceOf(account);
      const std::string says = balance.ok() ? *balance : TextOf(balance.status());
      const std::string right = absl::StrCat(100 + gains_[account]);
      if (says != right) world_.Fail(absl::StrCat(account, " should have ", right, ", but has ", says));
    }
    checked_ = true;
  }

  Lines lines_;  // of the bank's disk
  size_t undecided_ = 0;
  bool checked_ = false;
  std::map<std::string, int64_t> gains_;  // of those who were told that it is made
  rain::SimWorld world_;                  // the last to be made, and the first to end
  rain::SimFaults faults_;
};

bool Fails(const Plan& plan) { return !BankWorld(plan, false).Run().empty(); }

// The plan without what its failure can do without. What is taken away changes when the rest happens, so it is tried again.
Plan Shortest(Plan plan) {
  const auto things = [&plan] { return plan.faults.size() + plan.wishes.size(); };
  for (size_t before = SIZE_MAX; things() < before;) {
    before = things();
    plan.faults = rain::Shorten<rain::SimFault>(plan.faults, [&](const auto& fewer) {
      return Fails({plan.seed, plan.wishes, fewer});
    });
    plan.wishes = rain::Shorten<Wish>(plan.wishes, [&](const auto& fewer) { return Fails({plan.seed, fewer, plan.faults}); });
  }
  return plan;
}

void Explain(const Plan& plan) {
  BankWorld world(plan, true);
  std::cout << "seed " << plan.seed << " fails: " << world.Run() << "\n";
  const Plan shortest = Shortest(plan);
  BankWorld again(shortest, true);
  std::cout << shortest.wishes.size() << " transfers and " << shortest.faults.size() << " faults do as well: " << again.Run()
            << "\n";
  for (const rain::SimFault& fault : shortest.faults) std::cout << "  " << fault.ToString() << "\n";
  std::cout << "which happens so:\n";
  for (const std::string& line : again.history().lines()) std::cout << "  " << line << "\n";
  std::cout << "again: bank_worlds --seeds=1 --from=" << plan.seed << (absl::GetFlag(FLAGS_bug) ? " --bug" : "") << "\n";
}

int Main() {
  rain::SetLogSink([](rain::Severity, absl::string_view, absl::string_view) {});  // that servers are gone is no news here
  const uint64_t from = absl::GetFlag(FLAGS_from), to = from + absl::GetFlag(FLAGS_seeds);
  uint64_t hash = 0;
  for (uint64_t seed = from; seed < to; ++seed) {
    const Plan plan = PlanOf(seed);
    BankWorld world(plan, false);
    if (!world.Run().empty()) {
      Explain(plan);
      return 1;
    }
    hash = (hash ^ world.history().hash()) * 0x100000001b3;
  }
  std::cout << to - from << " worlds are clean; hash " << absl::StrFormat("%016x", hash) << "\n";
  return 0;
}

}  // namespace
}  // namespace bank

int main(int count, char** words) {
  absl::SetProgramUsageMessage("[flags]: a bank in simulated worlds, one for each seed");
  absl::ParseCommandLine(count, words);
  return bank::Main();
}
