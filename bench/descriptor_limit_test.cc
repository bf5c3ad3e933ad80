#include "listenrain/bench/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "listenrain/bench/process.h"

namespace rain::bench {
namespace {

rlimit CurrentLimit() {
  rlimit limit{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit;
}

absl::Status SetLimit(rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? absl::OkStatus() : absl::InternalError("setrlimit");
}

// Limits are lowered in a process of their own, which cannot raise them again.
absl::Status InAProcess(absl::FunctionRef<absl::Status()> body) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Start("child", body);
  return child.ok() ? child->Wait(absl::Seconds(10)) : child.status();
}

TEST(AllowDescriptors, RaisesTheSoftLimitToTheHardOne) {
  const absl::Status ended = InAProcess([]() -> absl::Status {
    if (absl::Status set = SetLimit(100, 400); !set.ok()) return set;
    if (absl::Status allowed = AllowDescriptorsFor(300); !allowed.ok()) return allowed;
    return CurrentLimit().rlim_cur == 400 ? absl::OkStatus() : absl::InternalError("it was not raised");
  });
  EXPECT_TRUE(ended.ok()) << ended;
}

TEST(AllowDescriptors, LeavesALimitThatIsHighEnough) {
  const absl::Status ended = InAProcess([]() -> absl::Status {
    if (absl::Status set = SetLimit(100, 400); !set.ok()) return set;
    if (absl::Status allowed = AllowDescriptorsFor(10); !allowed.ok()) return allowed;
    return CurrentLimit().rlim_cur == 100 ? absl::OkStatus() : absl::InternalError("it was changed");
  });
  EXPECT_TRUE(ended.ok()) << ended;
}

TEST(AllowDescriptors, TellsHowManyThereMayBe) {
  const absl::Status ended = InAProcess([]() -> absl::Status {
    if (absl::Status set = SetLimit(100, 400); !set.ok()) return set;
    const absl::Status refused = AllowDescriptorsFor(400);
    const bool told = absl::IsFailedPrecondition(refused) && refused.message().find("may have 400") != absl::string_view::npos;
    return told ? absl::OkStatus() : absl::InternalError(refused.ToString());
  });
  EXPECT_TRUE(ended.ok()) << ended;
}

}  // namespace
}  // namespace rain::bench
