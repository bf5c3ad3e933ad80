#include "listenrain/testing/faults/fault_rig_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/transports/inproc.h"
#include "listenrain/transports/unix.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
// Asks for each, since to read their folder would open one more.
size_t OpenDescriptors() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const int highest = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 4096));
  size_t open = 0;
  for (int fd = 0; fd < highest; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) ++open;
  }
  return open;
}

size_t RunningThreads() {
  std::ifstream status("/proc/self/status");
  size_t threads = 0;
  for (std::string word; status >> word;) {
    if (word == "Threads:") status >> threads;
  }
  return threads;
}

Callback<Message> Outcomes::Counted() {
  auto told = std::make_shared<std::atomic<bool>>(false);
  return [this, told](absl::StatusOr<Message> outcome) {
    EXPECT_FALSE(told->exchange(true)) << "a request ended twice";
    Count(outcome);
  };
}

void Outcomes::Count(const absl::StatusOr<Message>& outcome) {
  MutexLock lock(mutex_);
  ++ended_;
  ++by_code_[outcome.status().code()];
  last_ = outcome.ok() ? outcome->text() : std::string(outcome.status().message());
  changed_.SignalAll();
}

absl::Status Outcomes::Ask(const TransportHandle<Message>& transport, const Message& message, const SendOptions& options) {
  {
    MutexLock lock(mutex_);
    ++asked_;
  }
  absl::Status status = TransportHandle<Message>(transport).Send(message, Counted(), options);
  if (!status.ok()) {
    MutexLock lock(mutex_);
    --asked_;
    changed_.SignalAll();
  }
  return status;
}

void Outcomes::Wait() {
  MutexLock lock(mutex_);
  while (ended_ < asked_) changed_.Wait(mutex_);
  EXPECT_EQ(ended_, asked_);
}

int Outcomes::asked() const {
  MutexLock lock(mutex_);
  return asked_;
}

int Outcomes::ended(absl::StatusCode code) const {
  MutexLock lock(mutex_);
  const auto found = by_code_.find(code);
  return found == by_code_.end() ? 0 : found->second;
}

int Outcomes::ended() const {
  MutexLock lock(mutex_);
  return ended_;
}

std::string Outcomes::last() const {
  MutexLock lock(mutex_);
  return last_;
}

Side::Side(Options options) : loop_(NewUvLoop().value()) {
  ListenRainOptions parts;
  parts.loops = {loop_};
  parts.executor = options.executor != nullptr ? std::move(options.executor) : NewThreadPool({.threads = 2});
  parts.schemes = std::move(options.schemes);
  parts.buffers = std::move(options.buffers);
  parts.observer = std::move(options.observer);
  rain_ = *NewListenRain(std::move(parts));
  ProtocolSpec<Message> spec;
  spec.name = "faults";
  spec.message_codec = options.message_codec != nullptr ? std::move(options.message_codec) : NewCompactCodec();
  spec.limits = options.limits;
  spec.timeout = options.timeout;
  spec.router = std::move(options.router);
  absl::StatusOr<Protocol<Message>> protocol = rain_->Register(std::move(spec));
  EXPECT_TRUE(protocol.ok()) << protocol.status();
  protocol_ = *std::move(protocol);
}

TransportHandle<Message> Side::Open(const TransportKey& key) {
  absl::StatusOr<TransportHandle<Message>> transport = rain_->Open(protocol_, key);
  EXPECT_TRUE(transport.ok()) << transport.status();
  return *std::move(transport);
}

Listener Side::Listen(const TransportKey& key, Router<Message> router) {
  absl::StatusOr<Listener> listener = rain_->Listen(protocol_, key, std::move(router));
  EXPECT_TRUE(listener.ok()) << listener.status();
  return listener.ok() ? *std::move(listener) : Listener();
}

std::string Side::Describe() const {
  const Stats s = stats();
  std::string text;
#define RAIN_DESCRIBE(name, what) \
  if (s.name != 0) absl::StrAppend(&text, #name " ", s.name, ", ");
  RAIN_COUNTERS(RAIN_DESCRIBE)
#undef RAIN_DESCRIBE
  return text;
}

void Side::ExpectAtRest() {
  Await([](const Stats& s) { return s.in_flight == 0; });
  rain_->Stop();
  const Stats s = stats();
  EXPECT_TRUE(s.Balanced()) << Describe();
  EXPECT_EQ(s.in_flight, 0u) << Describe();
  EXPECT_EQ(s.channels_opened, s.channels_closed) << Describe();
}

Router<Message> Handling(Router<Message>::Handler handler) {
  Router<Message> router;
  router.Otherwise(std::move(handler));
  return router;
}

Router<Message> Echo() {
  return Handling([](Message message, CallContext, Responder<Message> responder) {
    (void)responder.Reply(message);  // UNAVAILABLE where the caller went away: then nobody waits
  });
}

void FaultRig::SetUp() {
  // What the system's parts open once and for all is open before the descriptors are counted.
  static const std::shared_ptr<Loop> first = NewUvLoop().value();
  OnLoop(*first, [] {});
  descriptors_ = OpenDescriptors();
  inproc_ = NewInprocScheme();
  std::string pattern = testing::TempDir() + "rain-faults-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  folder_ = pattern;
}

void FaultRig::TearDown() {
  std::vector<std::shared_ptr<Loop>> loops;
  for (const auto& side : sides_) {
    side->ExpectAtRest();
    loops.push_back(side->shared_loop());
  }
  sides_.clear();
  // An executor's thread may hold one a moment longer. This thread lets go of each last, and so joins its thread.
  for (const auto& loop : loops) {
    EXPECT_TRUE(Eventually([&] { return loop.use_count() == 1; })) << "a loop is still held " << loop.use_count() - 1 << " times";
  }
  loops.clear();
  std::filesystem::remove_all(folder_);
  EXPECT_TRUE(Eventually([this] { return OpenDescriptors() == descriptors_; }))
      << OpenDescriptors() << " descriptors are open; before the test there were " << descriptors_;
}

std::vector<TransportScheme> FaultRig::Schemes() const { return {inproc_, NewUnixScheme()}; }

Side& FaultRig::NewSide(Side::Options options) {
  options.schemes = Schemes();
  sides_.push_back(std::make_unique<Side>(std::move(options)));
  return *sides_.back();
}

TransportKey FaultRig::FreshKey(const std::string& scheme) {
  ++keys_;
  if (scheme == "tcp") return TransportKey("tcp://127.0.0.1:0");
  if (scheme == "unix") return TransportKey(absl::StrCat("unix://", folder_, "/", keys_));
  return TransportKey(absl::StrCat(scheme, "://", keys_));
}

}  // namespace rain
