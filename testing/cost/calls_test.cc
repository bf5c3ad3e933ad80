// So many calls, and nothing else: whoever counts from outside runs this twice, with N calls and with 2 N, and takes the
// difference.
//
//   calls inproc|same_loop|tcp|attached PARALLEL CALLS
#include <cstdlib>
#include <iostream>

#include "listenrain/testing/cost/echo_calls_test.h"

namespace {

constexpr int kWarmUps = 4;
constexpr int kCallsEach = 640;

}  // namespace

int main(int argc, char** argv) {
  const rain::LoopPair loops = rain::NewLoopPair(argc == 4 ? argv[1] : "");
  if (loops.client == nullptr) {
    std::cerr << "usage: calls inproc|same_loop|tcp|attached PARALLEL CALLS\n";
    return 2;
  }
  const int parallel = std::atoi(argv[2]);
  rain::EchoCalls echo(loops, rain::KeyOf(argv[1]));
  for (int i = 0; i < kWarmUps; ++i) echo.Run(kCallsEach, parallel);
  echo.Run(std::atoi(argv[3]), parallel);
}
