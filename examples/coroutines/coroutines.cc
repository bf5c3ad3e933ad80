// A shop whose handler is a coroutine: it asks another service for the price before it replies. A client orders several things at
// once and gathers the replies.
//
//   coroutines tcp://127.0.0.1:0 inproc://prices umbrella boots
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/listenrain.h"

namespace {

using rain::Message;
using rain::Task;
using rain::TransportHandle;

rain::Router<Message> Prices() {
  rain::Router<Message> router;
  router.On("price", [](Message request, rain::CallContext) -> Task<absl::StatusOr<Message>> {
    static const auto& prices = *new std::map<std::string, std::string>{{"umbrella", "12"}, {"boots", "30"}, {"raincoat", "45"}};
    const auto found = prices.find(request.text());
    if (found == prices.end()) co_return absl::NotFoundError("nobody sells " + request.text());
    co_return Message::Text(found->second);
  });
  return router;
}

rain::Router<Message> Shop(const TransportHandle<Message>& prices) {
  rain::Router<Message> router;
  router.On("order", [prices](Message request, rain::CallContext) -> Task<absl::StatusOr<Message>> {
    const absl::StatusOr<Message> price = co_await prices.CoSend(Message::Text("price", request.text()));
    if (!price.ok()) co_return price.status();
    co_return Message::Text("one " + request.text() + " for " + price->text());
  });
  return router;
}

Task<std::string> Order(const TransportHandle<Message>& shop, std::string what) {
  const absl::StatusOr<Message> reply = co_await shop.CoSend(Message::Text("order", what));
  co_return reply.ok() ? reply->text() : std::string(reply.status().message());
}

Task<> OrderAll(TransportHandle<Message> shop, std::vector<std::string> things) {
  std::vector<Task<std::string>> orders;
  for (const std::string& thing : things) orders.push_back(Order(shop, thing));
  const std::vector<std::string> replies = co_await rain::WhenAll(std::move(orders));
  for (const std::string& reply : replies) std::cout << reply << "\n";
}

absl::Status Run(const char* shop_key, const char* prices_key, std::vector<std::string> things) {
  const auto rain = rain::NewListenRain();
  if (!rain.ok()) return rain.status();
  const auto protocol = rain::RegisterMessages(**rain);
  if (!protocol.ok()) return protocol.status();
  const auto prices_listener = (*rain)->Listen(*protocol, prices_key, Prices());
  if (!prices_listener.ok()) return prices_listener.status();
  const auto prices = (*rain)->Open(*protocol, prices_listener->bound_key());
  if (!prices.ok()) return prices.status();
  const auto shop_listener = (*rain)->Listen(*protocol, shop_key, Shop(*prices));
  if (!shop_listener.ok()) return shop_listener.status();
  const auto shop = (*rain)->Open(*protocol, shop_listener->bound_key());
  if (!shop.ok()) return shop.status();
  return rain::SyncWait(OrderAll(*shop, std::move(things)));
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::cerr << "usage: coroutines SHOP_KEY PRICES_KEY THING...\n";
    return 2;
  }
  const absl::Status ended = Run(words[1], words[2], {words + 3, words + count});
  if (ended.ok()) return 0;
  std::cerr << "coroutines: " << ended << "\n";
  return 1;
}
