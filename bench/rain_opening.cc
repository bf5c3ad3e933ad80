#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "listenrain/bench/rain_service.h"
#include "listenrain/framework/mutex.h"

namespace rain::bench {
namespace {

constexpr size_t kAtOnce = 100;  // fewer than any backlog holds
constexpr size_t kFirstBackoffMilliseconds = 10'000;

// Keys that differ lead to connections of their own. These differ in an option that counts only once a connection is lost.
TransportKey KeyOf(absl::string_view address, size_t connection) {
  return TransportKey(
      absl::StrCat(address, absl::StrContains(address, "?") ? "&" : "?", "backoff_max=", kFirstBackoffMilliseconds + connection));
}

// Some are opened at once; with each first reply, the next. Thread: any.
class Opening {
 public:
  Opening(const Options& options, const Side& side, absl::string_view address)
      : side_(side), address_(address), connections_(ConnectionsOf(options)), body_(options.payload_bytes, 'x') {
    servers_.reserve(connections_);
  }

  absl::StatusOr<std::vector<Server>> Run() {
    for (size_t i = 0; i < std::min(kAtOnce, connections_); ++i) OpenNext();
    MutexLock lock(mutex_);
    while (replied_ < connections_ && (failure_.ok() || under_way_ > 0)) changed_.Wait(mutex_);
    if (!failure_.ok()) return std::move(failure_);
    return std::move(servers_);
  }

 private:
  void OpenNext() {
    size_t connection = 0;
    {
      MutexLock lock(mutex_);
      if (begun_ == connections_ || !failure_.ok()) return;
      connection = begun_++;
      ++under_way_;
    }
    const absl::StatusOr<Server> server = side_.rain->Open(side_.protocol, KeyOf(address_, connection));
    if (!server.ok()) return End(server.status());
    {
      MutexLock lock(mutex_);
      servers_.push_back(*server);
    }
    absl::Status sent = server->Send(Message::Text(kEchoMethod, body_), [this](const absl::StatusOr<Message>& reply) {
      if (!reply.ok()) return End(reply.status());
      End(reply->text() == body_ ? absl::OkStatus() : absl::DataLossError("the first reply has other bytes than its request"));
    });
    if (!sent.ok()) End(std::move(sent));
  }

  // Of one connection's opening. When the last has ended, this may be gone.
  void End(absl::Status how) {
    OpenNext();
    MutexLock lock(mutex_);
    --under_way_;
    if (how.ok()) ++replied_;
    if (!how.ok() && failure_.ok()) failure_ = std::move(how);
    changed_.SignalOne();
  }

  const Side& side_;
  const std::string address_;
  const size_t connections_;
  const std::string body_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<Server> servers_ ABSL_GUARDED_BY(mutex_);
  size_t begun_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t replied_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

absl::Status CheckOpen(absl::string_view side, uint64_t open, size_t connections) {
  if (open == connections) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the ", side, " has ", open, " connections open, not ", connections));
}

}  // namespace

absl::StatusOr<std::vector<Server>> OpenAll(const Options& options, const Side& side, absl::string_view address) {
  absl::StatusOr<std::vector<Server>> servers = Opening(options, side, address).Run();
  if (!servers.ok()) return servers;
  const absl::StatusOr<Receipt> receipt = SyncReceipt(servers->front());
  if (!receipt.ok()) return receipt.status();
  const Stats stats = side.rain->StatsOf(side.protocol);
  absl::Status open = CheckOpen("client", stats.channels_opened - stats.channels_closed, servers->size());
  if (open.ok()) open = CheckOpen("server", receipt->connections, servers->size());
  if (!open.ok()) return open;
  return servers;
}

}  // namespace rain::bench
