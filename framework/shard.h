// Shard: what lives on one loop: its transports and listeners, the nodes and counters they share, and the mailbox to them.
#pragma once

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/delay_timer.h"
#include "listenrain/framework/dispatcher.h"
#include "listenrain/framework/drain.h"
#include "listenrain/framework/helm.h"
#include "listenrain/framework/intrusive_list.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/observer.h"
#include "listenrain/framework/outgoing.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/ref.h"

namespace rain {

class Transport;

// Something that lives on a shard until it ends, or the shard is shut. Thread: loop.
class Resident {
 public:
  virtual ~Resident() = default;
  // Ends it: idempotent, calls no user code before it returns, and calls Shard::Bury.
  virtual void End(absl::Status why) = 0;
  // From now on nothing new comes by it.
  virtual void StopAccepting() {}
  // Joins the drain and leaves it as it ends; begins nothing new, and ends when what it has begun is over.
  virtual void BeginDrain(const Ref<Drain>& drain) = 0;
  // Of a transport; null: it is none.
  virtual Ref<PostBox> TransportBox() const { return nullptr; }

 private:
  friend class Shard;
  ListHook<Resident> resident_hook_;
  bool buried_ = false;
};

// Thread: loop, unless said otherwise. Outlives its loop's transports through the post boxes that refer to it.
class Shard final : public RefCounted, private TurnTask {
 public:
  Shard(std::shared_ptr<Loop> loop, std::shared_ptr<BufferPool> buffers, std::shared_ptr<Observer> observer);
  ~Shard() override;

  // Thread: any.
  Loop& loop() const { return *loop_; }
  // The loop's, if callers may drive it; else null.
  Helm* helm() const {
    Helm* helm = loop_->helm();
    return helm != nullptr && helm->lends() ? helm : nullptr;
  }
  BufferPool& buffers() const { return *buffers_; }
  OutgoingPool& nodes() { return nodes_; }
  Observer* observer() const { return observer_.get(); }

  // Brings a message, with its box set, to its transport. False if the shard is shut: the caller keeps the node. Thread: any.
  bool Mail(Outgoing& outgoing);
  // Takes in what was mailed so far. Thread: loop.
  void TakeMail();
  // Runs the task on the loop: now if this thread holds the baton, else in a later turn. Thread: any.
  void Execute(absl::AnyInvocable<void() &&> task);

  // The same, and waits until it ran (or its loop ended), unless this thread holds a baton. Thread: any.
  void ExecuteAndWait(absl::AnyInvocable<void() &&> task);

  Dispatcher& DispatcherOf(const std::shared_ptr<const ProtocolParts>& protocol);
  // Adds the counters of one protocol on this loop. Thread: any.
  void AddStats(const ProtocolParts& protocol, Stats& stats);

  // Takes ownership until it is buried.
  void House(std::unique_ptr<Resident> resident);
  // Destroys it at the turn's end.
  void Bury(Resident& resident);

  // Those that are not at their end.
  std::vector<Resident*> Residents() const;
  // Of the transports among them that are of this protocol, or if it is null of all.
  std::vector<Ref<PostBox>> TransportBoxes(const ProtocolParts* protocol) const;

  // Ends every resident and every message that comes later, as CANCELLED. Idempotent.
  void Shut();
  bool shut() const { return shut_; }
  // All that lives here is being drained, and then the shard is shut: what comes is refused.
  void BeginEnd() { ending_ = true; }
  bool ending() const { return ending_ || shut_; }

  // Something here has ended, or has been silent for a while. Blocks that nobody needs from now on are given back, by and by.
  void OnQuiet() {
    if (!trim_.running()) Trim();
  }

 private:
  void OnTurn() override;
  void Trim();

  const std::shared_ptr<Loop> loop_;
  const std::shared_ptr<BufferPool> buffers_;
  const std::shared_ptr<Observer> observer_;
  OutgoingPool nodes_;
  IntrusiveList<Resident, &Resident::resident_hook_> residents_;
  std::vector<std::unique_ptr<Resident>> graves_;
  DelayTimer<&Shard::Trim> trim_{*this};
  bool shut_ = false;
  bool ending_ = false;

  Mutex mutex_;
  Outgoing* first_mail_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Outgoing* last_mail_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<const ProtocolParts*, std::unique_ptr<Dispatcher>> dispatchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
