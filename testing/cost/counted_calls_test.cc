// So many calls, counted from inside: prints how often they allocated, and how often they copied how many bytes.
//
//   counted_calls inproc|same_loop|tcp|attached PARALLEL CALLS
//
// On standard output: "allocations COUNT", then "copies BYTES COUNT" for each size. The first allocation's stack is on standard
// error.
#include <cstdlib>
#include <iostream>

#include "listenrain/testing/cost/counted_allocations_test.h"
#include "listenrain/testing/cost/counted_copies_test.h"
#include "listenrain/testing/cost/echo_calls_test.h"

namespace {

constexpr int kWarmUps = 4;
constexpr int kCallsEach = 640;

}  // namespace

int main(int argc, char** argv) {
  const rain::LoopPair loops = rain::NewLoopPair(argc == 4 ? argv[1] : "");
  if (loops.client == nullptr) {
    std::cerr << "usage: counted_calls inproc|same_loop|tcp|attached PARALLEL CALLS\n";
    return 2;
  }
  const int parallel = std::atoi(argv[2]);
  rain::EchoCalls echo(loops, rain::KeyOf(argv[1]));
  for (int i = 0; i < kWarmUps; ++i) echo.Run(kCallsEach, parallel);
  rain::CountedAllocations::Begin();
  rain::CountedCopies::Begin();
  echo.Run(std::atoi(argv[3]), parallel);
  rain::CountedCopies::End();
  rain::CountedAllocations::End();
  std::cout << "allocations " << rain::CountedAllocations::count() << '\n';
  rain::CountedAllocations::PrintFirst();
  rain::CountedCopies::Print();
}
