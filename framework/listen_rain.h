// ListenRain: the whole: loops, transports to ask, listeners to serve, one register table of protocols.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "listenrain/framework/drain.h"
#include "listenrain/framework/in_flight.h"
#include "listenrain/framework/listener.h"
#include "listenrain/framework/observer.h"
#include "listenrain/framework/protocol_register_table.h"
#include "listenrain/framework/router.h"
#include "listenrain/framework/transport_handle.h"
#include "listenrain/framework/transport_key.h"
#include "listenrain/framework/transport_pool.h"

namespace rain {

// Thread: any, but for destruction: not from its own handlers or callbacks.
class ListenRain {
 public:
  // What it is assembled from; NewListenRain in listenrain.h fills in the defaults.
  struct Parts {
    std::vector<std::shared_ptr<Loop>> loops;  // at least one
    std::shared_ptr<BufferPool> buffers;
    std::shared_ptr<Executor> executor;               // of protocols that name none
    std::shared_ptr<const PacketCodec> packet_codec;  // the same
    std::vector<TransportScheme> schemes;
    std::shared_ptr<Observer> observer;    // may be null
    std::function<void()> await_handlers;  // called by the destructor, last, unless on a loop; may be null
  };
  explicit ListenRain(Parts parts);
  ~ListenRain();  // Stop(), then waits for what runs on an executor of its own (see ListenRainOptions)
  ListenRain(const ListenRain&) = delete;
  ListenRain& operator=(const ListenRain&) = delete;

  // Errors: see ProtocolRegisterTable::Register.
  template <class M>
  absl::StatusOr<Protocol<M>> Register(ProtocolSpec<M> spec) {
    absl::StatusOr<Protocol<M>> protocol = table().Register(std::move(spec));
    if (protocol.ok()) NoteExecutor(*protocol->parts()->executor);
    return protocol;
  }

  // Asks the access point, with a callback (void(absl::StatusOr<M>)) or a stat machine. See TransportHandle::Send; here also
  // INVALID_ARGUMENT for a bad key, and UNIMPLEMENTED if no generator is known for its scheme. Never blocks.
  template <class M, class Outcome>
  absl::Status Send(const Protocol<M>& protocol, const TransportKey& key, const std::type_identity_t<M>& message,
                    Outcome&& outcome, const SendOptions& options = {}) {
    absl::StatusOr<TransportHandle<M>> transport = Open(protocol, key);
    if (!transport.ok()) return transport.status();
    return transport->Send(message, std::forward<Outcome>(outcome), options);
  }

  // For coroutines: asks when awaited. See TransportHandle::CoSend.
  template <class M>
  SendAwaiter<M> CoSend(const Protocol<M>& protocol, const TransportKey& key,
                        const std::type_identity_t<M>& message ABSL_ATTRIBUTE_LIFETIME_BOUND, const SendOptions& options = {}) {
    return SendAwaiter<M>(Open(protocol, key), message, options);
  }

  // Asks and waits for the reply. Errors: those of Send, and the outcome's.
  template <class M>
  absl::StatusOr<M> SyncSend(const Protocol<M>& protocol, const TransportKey& key, const std::type_identity_t<M>& message,
                             const SendOptions& options = {}) {
    absl::StatusOr<TransportHandle<M>> transport = Open(protocol, key);
    if (!transport.ok()) return transport.status();
    return transport->SyncSend(message, options);
  }

  // One way.
  template <class M>
  absl::Status Post(const Protocol<M>& protocol, const TransportKey& key, const std::type_identity_t<M>& message,
                    const SendOptions& options = {}) {
    absl::StatusOr<TransportHandle<M>> transport = Open(protocol, key);
    if (!transport.ok()) return transport.status();
    return transport->Post(message, options);
  }

  // See TransportHandle::WhenRoom.
  template <class M>
  absl::Status WhenRoom(const Protocol<M>& protocol, const TransportKey& key, absl::AnyInvocable<void() &&> told) {
    absl::StatusOr<TransportHandle<M>> transport = Open(protocol, key);
    if (transport.ok()) transport->WhenRoom(std::move(told));
    return transport.status();
  }

  // The transport to a key, dialed when first used. Holding the handle saves the look-up, but not the transport from its end.
  template <class M>
  absl::StatusOr<TransportHandle<M>> Open(const Protocol<M>& protocol, const TransportKey& key) {
    if (protocol.parts() == nullptr) return absl::InvalidArgumentError("the protocol was never registered");
    absl::StatusOr<Ref<PostBox>> box = pool().Get(protocol.parts(), key);
    if (!box.ok()) return box.status();
    return TransportHandle<M>(protocol, *std::move(box));
  }

  // Serves the access point from now on: it is bound when this returns. The protocol's executor runs the handlers.
  // Errors: INVALID_ARGUMENT bad key; UNIMPLEMENTED unknown scheme; UNAVAILABLE in use; PERMISSION_DENIED; CANCELLED stopped.
  template <class M>
  absl::StatusOr<Listener> Listen(const Protocol<M>& protocol, const TransportKey& key, Router<M> router) {
    if (protocol.parts() == nullptr) return absl::InvalidArgumentError("the protocol was never registered");
    return ListenWith(protocol.parts(), key, std::make_shared<RouterSink<M>>(std::move(router), protocol.codec()));
  }

  // The dialed transports that there are now, by key; those that ended, or were closed for want of use, are not among them.
  std::vector<PooledTransport> Transports() const;

  // A snapshot. Exact at rest; while traffic runs, sums of moments close to each other.
  template <class M>
  Stats StatsOf(const Protocol<M>& protocol) const {
    return protocol.parts() == nullptr ? Stats() : StatsOfParts(*protocol.parts());
  }

  // What is in flight right now, to look for what is stuck: `std::cerr << ToString(*rain.InFlight())`. Each loop looks in turns
  // of its own, which stay short: a transport with n requests of its peer unanswered costs n steps, every other call none that is
  // not listed. Waits for the loops, not longer than options.timeout. Errors: FAILED_PRECONDITION this thread runs a loop, which
  // must not wait: see InFlightThen.
  absl::StatusOr<InFlightReport> InFlight(const InFlightOptions& options = {}) const { return InFlightOf(nullptr, options); }
  template <class M>
  absl::StatusOr<InFlightReport> InFlight(const Protocol<M>& protocol, const InFlightOptions& options = {}) const {
    if (protocol.parts() == nullptr) return InFlightReport();
    return InFlightOf(protocol.parts(), options);
  }
  // The same for handlers, callbacks and loops: tells once, on the protocol's executor (without one, on this ListenRain's), when
  // all loops have told.
  void InFlightThen(absl::AnyInvocable<void(InFlightReport) &&> told, size_t most_calls = InFlightOptions().most_calls) const {
    InFlightOfThen(nullptr, most_calls, std::move(told));
  }
  template <class M>
  void InFlightThen(const Protocol<M>& protocol, absl::AnyInvocable<void(InFlightReport) &&> told,
                    size_t most_calls = InFlightOptions().most_calls) const {
    if (protocol.parts() == nullptr) return std::move(told)({});
    InFlightOfThen(protocol.parts(), most_calls, std::move(told));
  }

  // Stop without loss: every listener is drained (see Listener::Drain), new requests of ours are refused as CANCELLED, those in
  // flight end; then Stop. The report is of the peers' requests. Called on a loop it does not wait, and the report is empty.
  DrainReport Drain(absl::Duration timeout);

  // Listeners close, transports end, requests end as CANCELLED, later calls fail. Waits until the loops have done so, unless
  // called on a loop. Idempotent; from any thread, handlers included.
  void Stop();

 private:
  class Engine;
  ProtocolRegisterTable& table();
  void NoteExecutor(Executor& executor);
  TransportPool& pool();
  absl::StatusOr<Listener> ListenWith(const SharedProtocol& protocol, const TransportKey& key,
                                      std::shared_ptr<const RequestSink> sink);
  Stats StatsOfParts(const ProtocolParts& protocol) const;
  absl::StatusOr<InFlightReport> InFlightOf(const SharedProtocol& protocol, const InFlightOptions& options) const;
  void InFlightOfThen(const SharedProtocol& protocol, size_t most_calls, InFlightLook::Done told) const;

  const std::function<void()> await_handlers_;
  const std::shared_ptr<Engine> engine_;
};

}  // namespace rain
