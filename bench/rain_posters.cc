#include "listenrain/bench/rain_posters.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/bench/calls.h"
#include "listenrain/bench/course.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/handover.h"

namespace rain::bench {
namespace {

constexpr size_t kBatchBytes = 256 << 10;
constexpr absl::Duration kToArrive = absl::Seconds(10);

Message PostOf(const PayloadPattern& pattern, uint64_t number) { return Message::Bytes(kPostMethod, pattern.BufferOf(number)); }

// The measured time, for posters: it begins with a receipt, and there is a message after that. Thread: any.
class PostingTime {
 public:
  explicit PostingTime(const Meter& meter) : meter_(meter) {}

  // The receiver has told how much it got until the time began.
  void Begin(const Server& server) {
    first_ = SyncReceipt(server);
    begun_.store(true, std::memory_order_release);
  }
  // Whoever sees this posts once more, and ends.
  bool over() const { return begun_.load(std::memory_order_acquire) && SystemClock().Now() >= meter_.end(); }
  // Once over.
  const absl::StatusOr<Receipt>& first() const { return first_; }

 private:
  const Meter& meter_;
  std::atomic<bool> begun_{false};
  absl::StatusOr<Receipt> first_ = absl::FailedPreconditionError("the posts ended before the measured time began");
};

// Everything on the loop's thread. Thread: loop, but for construction and, once done, posted() and destruction.
class LoopPoster {
 public:
  LoopPoster(const PayloadPattern& pattern, const Server& server, Loop& loop, const PostingTime& time, Course& course)
      : pattern_(pattern),
        server_(server),
        loop_(loop),
        time_(time),
        course_(course),
        batch_(std::max<size_t>(1, kBatchBytes / std::max<size_t>(1, pattern.Of(0).size()))) {}

  void Start() { PostBatch(); }

  uint64_t posted() const { return posted_; }

 private:
  void PostBatch() {
    const bool last = time_.over();
    for (size_t i = 0; i < batch_; ++i) {
      absl::Status posted = server_.Post(PostOf(pattern_, posted_ + 1));
      if (absl::IsResourceExhausted(posted)) return server_.WhenRoom([this] { PostInNextTurn(); });
      if (!posted.ok()) {
        course_.Fail(std::move(posted));
        return course_.Done();
      }
      ++posted_;
    }
    if (last) return course_.Done();  // this is gone
    PostInNextTurn();
  }
  void PostInNextTurn() {
    loop_.Run([this] { PostBatch(); });
  }

  const PayloadPattern& pattern_;
  const Server& server_;
  Loop& loop_;
  const PostingTime& time_;
  Course& course_;
  const size_t batch_;
  uint64_t posted_ = 0;
};

// One thread that posts until the measured time is over or something failed. Returns how many.
uint64_t PostInTurn(const PayloadPattern& pattern, const Server& server, const PostingTime& time, Course& course) {
  uint64_t posted = 0;
  for (bool last = false; !last && !course.failed();) {
    const bool over = time.over();
    absl::Status status = server.Post(PostOf(pattern, posted + 1));
    if (status.ok()) {
      ++posted;
      last = over;
    } else if (absl::IsResourceExhausted(status)) {
      const auto room = std::make_shared<Handover<bool>>();
      server.WhenRoom([room] { room->Put(true); });
      room->Take();
    } else {
      course.Fail(std::move(status));
    }
  }
  return posted;
}

// The messages between the first receipt and one that has all of them. Handlers may still be at work on some.
absl::StatusOr<Flow> FlowUntilAllCame(const absl::StatusOr<Receipt>& first, uint64_t posted, const Server& server) {
  if (!first.ok()) return first.status();
  const Instant deadline = SystemClock().Now() + kToArrive;
  for (;;) {
    const absl::StatusOr<Receipt> last = SyncReceipt(server);
    if (!last.ok()) return last.status();
    absl::Status all = CheckAllCame(posted, *last);
    if (all.ok()) return Flow::Between(*first, *last);
    if (last->messages > posted || SystemClock().Now() > deadline) return all;
  }
}

}  // namespace

absl::StatusOr<Flow> PostOnLoop(const Options& options, const Server& server, Loop& loop, Meter& meter) {
  if (absl::Status ready = server.SyncReady(); !ready.ok()) return ready;
  const PayloadPattern pattern(options.payload_bytes);
  Course course;
  PostingTime time(meter);
  LoopPoster poster(pattern, server, loop, time, course);
  meter.Start(SystemClock().Now());
  loop.Run([&poster] { poster.Start(); });
  const absl::Status ended = course.Await(meter, [&] { time.Begin(server); });
  if (!ended.ok()) return ended;
  return FlowUntilAllCame(time.first(), poster.posted(), server);
}

absl::StatusOr<Flow> PostFromThreads(const Options& options, const Server& server, Meter& meter) {
  if (absl::Status ready = server.SyncReady(); !ready.ok()) return ready;
  const PayloadPattern pattern(options.payload_bytes);
  Course course;
  PostingTime time(meter);
  std::atomic<uint64_t> posted{0};
  std::atomic<size_t> running{options.parallel};
  meter.Start(SystemClock().Now());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options.parallel; ++i) {
    threads.emplace_back([&] {
      posted += PostInTurn(pattern, server, time, course);
      if (--running == 0) course.Done();
    });
  }
  const absl::Status ended = course.Await(meter, [&] { time.Begin(server); });
  for (std::thread& thread : threads) thread.join();
  if (!ended.ok()) return ended;
  return FlowUntilAllCame(time.first(), posted, server);
}

}  // namespace rain::bench
