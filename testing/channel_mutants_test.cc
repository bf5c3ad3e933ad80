// The channel suite itself: every channel that is wrong in one way is caught, and for what is wrong with it.
#include "listenrain/testing/channel_mutants.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/testing/channel_suite.h"
#include "listenrain/testing/mutated_inproc.h"

namespace rain {
namespace {

ChannelSubject Subject(TransportScheme (*scheme)()) {
  return {.scheme = scheme,
          .listen_key = "inproc://here?pipe=65536",
          .two_loops = true,
          .large_bytes = size_t{1} << 20,
          .most_taken_bytes = size_t{4} << 20,
          .open_descriptors = LeakedByMutants};
}

TEST(ChannelSuite, FindsNothingWrongWithAChannelThatOnlyForwards) {
  EXPECT_THAT(CheckChannel(Subject(Mutate<ForwardingChannel>)), testing::IsEmpty());
  EXPECT_THAT(CheckChannel(Subject(MutateGenerators<ForwardingGenerator>)), testing::IsEmpty());
}

class ChannelMutants : public testing::TestWithParam<ChannelMutant> {};

TEST_P(ChannelMutants, AreCaughtForWhatIsWrongWithThem) {
  const ChannelMutant& mutant = GetParam();
  Violations others;
  for (const ChannelCheck& check : ChannelChecks()) {
    for (const std::string& violation : check.run(Subject(mutant.scheme))) {
      if (violation.find(mutant.shows_as) != std::string::npos) return RecordProperty("caught_by", check.name);
      others.push_back(absl::StrCat(check.name, ": ", violation));
    }
  }
  ADD_FAILURE() << "nobody says \"" << mutant.shows_as << "\"; what was found:\n" << absl::StrJoin(others, "\n");
}

std::string NameOf(const testing::TestParamInfo<ChannelMutant>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Bytes, ChannelMutants, testing::ValuesIn(ByteMutants()), NameOf);
INSTANTIATE_TEST_SUITE_P(Events, ChannelMutants, testing::ValuesIn(EventMutants()), NameOf);
INSTANTIATE_TEST_SUITE_P(Generators, ChannelMutants, testing::ValuesIn(GeneratorMutants()), NameOf);

}  // namespace
}  // namespace rain
