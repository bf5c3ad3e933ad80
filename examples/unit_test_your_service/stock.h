// A service to be tested: a shop's stock.
#pragma once

#include <map>
#include <string>

#include "listenrain/framework/mutex.h"
#include "listenrain/listenrain.h"

namespace shop {

// "take" gives one of a thing, if there is one left. Outlives its listener. Thread: any.
class Stock {
 public:
  explicit Stock(std::map<std::string, int> things) : things_(std::move(things)) {}
  rain::Router<rain::Message> Service();

 private:
  absl::Status Take(const std::string& thing);

  rain::Mutex mutex_;
  std::map<std::string, int> things_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shop
