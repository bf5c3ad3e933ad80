// Connection: one transport as a handler sees it: who is at the other end, and what the program has attached to it.
#pragma once

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "listenrain/framework/post_box.h"

namespace rain {

// A cheap value; outlives its transport. To ask and push there: TransportHandle(protocol, connection). Thread: any.
class Connection {
 public:
  explicit Connection(Ref<PostBox> box) : box_(std::move(box)) {}

  const PeerInfo& peer() const { return box_->peer(); }
  // The listener's key, or the dialed one.
  const TransportKey& key() const { return box_->key(); }
  Role role() const { return box_->role(); }
  // True once the transport has ended.
  bool gone() const { return box_->gone(); }

  // Attaches what the program knows of this peer, until the transport ends (after OnDisconnect); an earlier one is let go.
  template <class T>
  void SetSession(std::shared_ptr<T> session) const {
    box_->SetSession(std::move(session));
  }
  // Null if there is none of this type.
  template <class T>
  std::shared_ptr<T> session() const {
    const std::any session = box_->session();
    const auto* typed = std::any_cast<std::shared_ptr<T>>(&session);
    return typed != nullptr ? *typed : nullptr;
  }

  // Ends the transport; what is in flight on it fails with `why`. In a later turn, or at the end of this one.
  void Close(absl::Status why) const { box_->Close(std::move(why)); }

  const Ref<PostBox>& box() const { return box_; }
  friend bool operator==(const Connection& a, const Connection& b) { return a.box_.get() == b.box_.get(); }
  template <class H>
  friend H AbslHashValue(H state, const Connection& connection) {
    return H::combine(std::move(state), connection.box_.get());
  }

 private:
  Ref<PostBox> box_;
};

}  // namespace rain
