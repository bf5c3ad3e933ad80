#include "listenrain/examples/unit_test_your_service/stock.h"

namespace shop {

rain::Router<rain::Message> Stock::Service() {
  rain::Router<rain::Message> router;
  router.On("take", [this](rain::Message thing, rain::CallContext, rain::Responder<rain::Message> responder) {
    const absl::Status taken = Take(thing.text());
    (void)(taken.ok() ? responder.Reply(rain::Message::Text("one " + thing.text())) : responder.Fail(taken));
  });
  return router;
}

absl::Status Stock::Take(const std::string& thing) {
  rain::MutexLock lock(mutex_);
  const auto found = things_.find(thing);
  if (found == things_.end()) return absl::NotFoundError("nobody sells " + thing);
  if (found->second == 0) return absl::ResourceExhaustedError("no " + thing + " is left");
  --found->second;
  return absl::OkStatus();
}

}  // namespace shop
