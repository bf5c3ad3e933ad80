#include "listenrain/bench/footprint.h"

#include <chrono>
#include <thread>

#include "listenrain/bench/process.h"

namespace rain::bench {

Footprint::Footprint(const Options& options, pid_t client, pid_t server)
    : rest_(options.rest),
      connections_(ConnectionsOf(options)),
      client_(client),
      server_(server),
      before_(absl::FailedPreconditionError("the connections' cost was never looked at")),
      opened_(before_.status()),
      idle_(before_.status()) {}

void Footprint::BeforeOpening() {
  before_ = Look();
  began_ = SystemClock().Now();
}

void Footprint::AfterOpening() {
  opening_ = SystemClock().Now() - began_;
  opened_ = LookAfterRest();
}

void Footprint::AfterCalls() { idle_ = LookAfterRest(); }

absl::StatusOr<Footprint::Memory> Footprint::LookAfterRest() const {
  std::this_thread::sleep_for(absl::ToChronoNanoseconds(rest_));
  return Look();
}

absl::StatusOr<Footprint::Memory> Footprint::Look() const {
  const absl::StatusOr<uint64_t> client = AnonymousBytesOf(client_);
  if (!client.ok()) return client.status();
  if (client_ == server_) return Memory{*client, 0};
  const absl::StatusOr<uint64_t> server = AnonymousBytesOf(server_);
  if (!server.ok()) return server.status();
  return Memory{*client, *server};
}

double Footprint::KibEach(uint64_t before, uint64_t after) const {
  return (static_cast<double>(after) - static_cast<double>(before)) / 1024 / static_cast<double>(connections_);
}

absl::StatusOr<ConnectionFigures> Footprint::Finish() const {
  for (const auto* look : {&before_, &opened_, &idle_}) {
    if (!look->ok()) return look->status();
  }
  ConnectionFigures figures;
  figures.open_seconds = absl::ToDoubleSeconds(opening_);
  figures.client_opened_kib = KibEach(before_->client, opened_->client);
  figures.server_opened_kib = KibEach(before_->server, opened_->server);
  figures.client_idle_kib = KibEach(before_->client, idle_->client);
  figures.server_idle_kib = KibEach(before_->server, idle_->server);
  return figures;
}

}  // namespace rain::bench
