// The service that a run over the framework measures: its methods, and what both of its sides are assembled from.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "listenrain/bench/options.h"
#include "listenrain/bench/process.h"
#include "listenrain/bench/receipt.h"
#include "listenrain/listenrain.h"

namespace rain::bench {

inline constexpr int64_t kEchoMethod = 1;     // answered with the request's own body
inline constexpr int64_t kPostMethod = 2;     // one way: counted
inline constexpr int64_t kReceiptMethod = 3;  // answered with a Receipt

// One side of the run. The loop is known apart because the client's calls are counted on it.
struct Side {
  std::shared_ptr<Loop> loop;
  std::unique_ptr<ListenRain> rain;
  Protocol<Message> protocol;
};
// On a loop of its own if that is null.
absl::StatusOr<Side> Assemble(const Options& options, std::shared_ptr<Loop> loop = nullptr);

// The server's side, until the client has ended. Errors: as Engine::Serve.
absl::Status Serve(const Options& options, const Side& side, Rendezvous& rendezvous);

using Server = TransportHandle<Message>;

// As they lie in memory.
absl::InlinedVector<absl::Span<const char>, 2> PiecesOf(const Payload& body);

// Asks, behind all that was sent there before, what the server has got. Thread: any but a loop's.
absl::StatusOr<Receipt> SyncReceipt(const Server& server);
absl::StatusOr<Receipt> ReceiptIn(const absl::StatusOr<Message>& reply);

// Opens as many connections as the run has, and makes one call on each. Thread: any but a loop's. Errors: of a connection that
// did not open; INTERNAL if either side has another number of them open then.
absl::StatusOr<std::vector<Server>> OpenAll(const Options& options, const Side& side, absl::string_view address);

}  // namespace rain::bench
