#include "listenrain/bench/course.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "listenrain/framework/clock.h"

namespace rain::bench {
namespace {

Meter MeterOver(absl::Duration warm_up, absl::Duration measured) {
  Options options;
  options.warm_up = warm_up;
  options.measured = measured;
  return Meter(options, ::getpid(), ::getpid());
}

TEST(Course, TakesBothSamplesWhenTheyAreDueAndWaitsForDone) {
  Meter meter = MeterOver(absl::Milliseconds(2), absl::Milliseconds(5));
  Course course;
  meter.Start(SystemClock().Now());
  Instant done;
  std::thread caller([&] {
    while (SystemClock().Now() < meter.end() + absl::Milliseconds(5)) std::this_thread::yield();
    done = SystemClock().Now();
    course.Done();
  });
  Instant asked;
  EXPECT_TRUE(course.Await(meter, [&] { asked = SystemClock().Now(); }).ok());
  EXPECT_GE(asked, meter.begin());
  EXPECT_LT(asked, done);
  const Instant returned = SystemClock().Now();
  caller.join();
  EXPECT_GE(returned, done);
  Histogram latencies;
  latencies.Record(1000);
  const absl::StatusOr<Figures> figures = meter.Finish(latencies);
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_GT(figures->client_cpu_us_per_call, 0);
}

TEST(Course, EndsBeforeTheMeasuredTimeDoesWithTheFirstFailure) {
  Meter meter = MeterOver(absl::Hours(1), absl::Hours(1));
  Course course;
  meter.Start(SystemClock().Now());
  EXPECT_FALSE(course.failed());
  std::thread caller([&] {
    course.Fail(absl::DataLossError("first"));
    course.Fail(absl::AbortedError("second"));
    course.Done();
  });
  EXPECT_EQ(course.Await(meter, [] { ADD_FAILURE() << "the measured time never began"; }), absl::DataLossError("first"));
  EXPECT_TRUE(course.failed());
  caller.join();
  Histogram latencies;
  latencies.Record(1000);
  EXPECT_EQ(meter.Finish(latencies).status().code(), absl::StatusCode::kFailedPrecondition) << "it was never measured";
}

TEST(Meter, RefusesFiguresOfNoCalls) {
  Meter meter = MeterOver(absl::ZeroDuration(), absl::Milliseconds(1));
  Course course;
  meter.Start(SystemClock().Now());
  while (SystemClock().Now() < meter.end()) std::this_thread::yield();
  course.Done();
  EXPECT_TRUE(course.Await(meter).ok());
  EXPECT_EQ(meter.Finish(Histogram()).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rain::bench
