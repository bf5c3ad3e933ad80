// Repeaters: threads that do one thing again and again, until they are told to stop. For load.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace rain {

// Thread: one, for all but `body`. Destroying it stops it: so it is the last member of whoever the body uses.
class Repeaters {
 public:
  Repeaters(int count, const std::function<void()>& body) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, body] {
        while (!over_) body();
      });
    }
  }
  ~Repeaters() { Stop(); }
  Repeaters(const Repeaters&) = delete;
  Repeaters& operator=(const Repeaters&) = delete;

  // Waits until each has come to the end of what it does.
  void Stop() {
    over_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<bool> over_{false};
  std::vector<std::thread> threads_;
};

}  // namespace rain
