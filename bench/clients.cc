#include "listenrain/bench/clients.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

namespace rain::bench {
namespace {

constexpr absl::Duration kToEnd = absl::Seconds(10);

// How an outcome crosses from a client's process: the figures as they are, or the code and the text.
std::string Pack(const absl::StatusOr<Figures>& outcome) {
  static_assert(std::is_trivially_copyable_v<Figures>);
  std::string packed(1, static_cast<char>(outcome.status().code()));
  if (!outcome.ok()) return packed.append(outcome.status().message().data(), outcome.status().message().size());
  return packed.append(reinterpret_cast<const char*>(&*outcome), sizeof(Figures));
}

absl::StatusOr<Figures> Unpack(absl::string_view packed) {
  if (packed.empty()) return absl::DataLossError("the client ended without telling how");
  const auto code = static_cast<absl::StatusCode>(packed[0]);
  packed.remove_prefix(1);
  if (code != absl::StatusCode::kOk) return absl::Status(code, packed);
  if (packed.size() != sizeof(Figures)) return absl::DataLossError("the client ended while it told its figures");
  Figures figures;
  std::memcpy(&figures, packed.data(), sizeof(figures));
  return figures;
}

}  // namespace

absl::StatusOr<Client> Client::Start(absl::FunctionRef<absl::StatusOr<Figures>()> measure) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe", errno);
  Descriptor told(ends[0]), telling(ends[1]);
  absl::StatusOr<ChildProcess> process = ChildProcess::Start("client", [&] { return WriteAll(telling.get(), Pack(measure())); });
  if (!process.ok()) return process.status();
  return Client(*std::move(process), std::move(told));
}

absl::StatusOr<Figures> Client::Finish() {
  const absl::StatusOr<std::string> packed = ReadAll(told_.get());
  if (!packed.ok()) return packed.status();
  if (absl::Status ended = process_.Wait(kToEnd); !ended.ok()) return ended;
  return Unpack(*packed);
}

Figures Together(absl::Span<const Figures> clients) {
  Figures all = clients.front();
  double client_cpu_us = 0, server_cpu_us = 0;  // a second
  all.calls = 0;
  all.clients = 0;
  all.calls_per_second = 0;
  for (const Figures& one : clients) {
    all.calls += one.calls;
    all.clients += one.clients;
    all.calls_per_second += one.calls_per_second;
    client_cpu_us += one.client_cpu_us_per_call * one.calls_per_second;
    server_cpu_us += one.server_cpu_us_per_call * one.calls_per_second;  // each saw all that the server used
    all.p50_us = std::max(all.p50_us, one.p50_us);
    all.p99_us = std::max(all.p99_us, one.p99_us);
    all.p999_us = std::max(all.p999_us, one.p999_us);
    all.client_rss_mib = std::max(all.client_rss_mib, one.client_rss_mib);
    all.server_rss_mib = std::max(all.server_rss_mib, one.server_rss_mib);
  }
  all.client_cpu_us_per_call = client_cpu_us / all.calls_per_second;
  all.server_cpu_us_per_call = server_cpu_us / static_cast<double>(clients.size()) / all.calls_per_second;
  return all;
}

}  // namespace rain::bench
