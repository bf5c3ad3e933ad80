#include "listenrain/bench/meter.h"

#include "listenrain/bench/process.h"

namespace rain::bench {
namespace {

double Microseconds(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; }

double Mebibytes(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

Meter::Meter(const Options& options, pid_t client, pid_t server)
    : workload_(options.workload),
      warm_up_(options.warm_up),
      measured_(options.measured),
      client_(client),
      server_(server),
      footprint_(options, client, server),
      first_(absl::FailedPreconditionError("the measured time never began")),
      last_(absl::FailedPreconditionError("the measured time never ended")),
      memory_(last_.status()) {}

void Meter::Start(Instant now) {
  begin_ = now + warm_up_;
  end_ = begin_ + measured_;
  next_sample_ = begin_;
}

void Meter::TakeSample(Instant now) {
  if (next_sample_ == begin_) {
    first_ = UseAt(now);
    next_sample_ = end_;
  } else {
    last_ = UseAt(now);
    memory_ = PeakMemory();
    next_sample_ = Instant::Infinite();
  }
}

absl::StatusOr<Meter::Use> Meter::UseAt(Instant now) const {
  const absl::StatusOr<absl::Duration> client = ProcessorTimeOf(client_);
  if (!client.ok()) return client.status();
  if (client_ == server_) return Use{now, *client, absl::ZeroDuration()};
  const absl::StatusOr<absl::Duration> server = ProcessorTimeOf(server_);
  if (!server.ok()) return server.status();
  return Use{now, *client, *server};
}

absl::StatusOr<Meter::Memory> Meter::PeakMemory() const {
  const absl::StatusOr<uint64_t> client = PeakResidentBytesOf(client_);
  if (!client.ok()) return client.status();
  if (client_ == server_) return Memory{*client, 0};
  const absl::StatusOr<uint64_t> server = PeakResidentBytesOf(server_);
  if (!server.ok()) return server.status();
  return Memory{*client, *server};
}

absl::StatusOr<Figures> Meter::Finish(const Histogram& latencies) const {
  if (latencies.count() == 0) return absl::FailedPreconditionError("no call ended within the measured time: measure longer");
  absl::StatusOr<Figures> figures = FiguresOf(latencies.count(), measured_);
  if (!figures.ok()) return figures;
  figures->p50_us = Microseconds(latencies.Quantile(0.5));
  figures->p99_us = Microseconds(latencies.Quantile(0.99));
  figures->p999_us = Microseconds(latencies.Quantile(0.999));
  if (workload_ != Workload::connections) return figures;
  const absl::StatusOr<ConnectionFigures> connections = footprint_.Finish();
  if (!connections.ok()) return connections.status();
  figures->connections = *connections;
  return figures;
}

absl::StatusOr<Figures> Meter::Finish(const Flow& flow) const { return FiguresOf(flow.messages, flow.took); }

absl::StatusOr<Figures> Meter::FiguresOf(uint64_t calls, absl::Duration took) const {
  if (!first_.ok()) return first_.status();
  if (!last_.ok()) return last_.status();
  if (!memory_.ok()) return memory_.status();

  Figures figures;
  figures.calls = calls;
  figures.seconds = absl::ToDoubleSeconds(took);
  figures.calls_per_second = static_cast<double>(figures.calls) / figures.seconds;
  // Samples come a little after the instants they are for, so it is the rate of use that is told.
  const double calls_between_samples = figures.calls_per_second * absl::ToDoubleSeconds(last_->when - first_->when);
  figures.client_cpu_us_per_call = absl::ToDoubleMicroseconds(last_->client - first_->client) / calls_between_samples;
  figures.server_cpu_us_per_call = absl::ToDoubleMicroseconds(last_->server - first_->server) / calls_between_samples;
  figures.client_rss_mib = Mebibytes(memory_->client);
  figures.server_rss_mib = Mebibytes(memory_->server);
  return figures;
}

}  // namespace rain::bench
