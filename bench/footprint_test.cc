#include "listenrain/bench/footprint.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace rain::bench {
namespace {

constexpr size_t kConnections = 64;
constexpr size_t kKibEach = 256;

Options ManyConnections() {
  Options options;
  options.workload = Workload::connections;
  options.parallel = kConnections;
  options.rest = absl::ZeroDuration();
  return options;
}

// Memory that is resident as long as this lives.
class Resident {
 public:
  explicit Resident(size_t bytes)
      : bytes_(bytes), memory_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    EXPECT_NE(memory_, MAP_FAILED);
    std::memset(memory_, 1, bytes);
  }
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  ~Resident() { ::munmap(memory_, bytes_); }

 private:
  const size_t bytes_;
  void* const memory_;
};

TEST(Footprint, IsTheGrowthOfResidentMemoryAConnection) {
  Footprint footprint(ManyConnections(), ::getpid(), ::getpid());
  footprint.BeforeOpening();
  const Resident opened(kConnections * kKibEach * 1024);
  footprint.AfterOpening();
  {
    const Resident more(kConnections * kKibEach * 1024);
    footprint.AfterCalls();
  }
  const absl::StatusOr<ConnectionFigures> figures = footprint.Finish();
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_GT(figures->open_seconds, 0);
  EXPECT_GE(figures->client_opened_kib, kKibEach);
  EXPECT_LT(figures->client_opened_kib, 8 * kKibEach) << "more than a sanitizer keeps beside it";
  EXPECT_NEAR(figures->client_idle_kib, 2 * figures->client_opened_kib, figures->client_opened_kib / 8);
  EXPECT_EQ(figures->server_opened_kib, 0) << "of one process all is told as the client's";
  EXPECT_EQ(figures->server_idle_kib, 0);
}

TEST(Footprint, IsNotToldBeforeItWasLookedAt) {
  Footprint footprint(ManyConnections(), ::getpid(), ::getpid());
  footprint.BeforeOpening();
  footprint.AfterOpening();
  EXPECT_EQ(footprint.Finish().status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rain::bench
