#include "listenrain/framework/queue.h"

namespace rain {
namespace {

class FifoQueue final : public Queue {
 public:
  void Push(Outgoing& outgoing) override { list_.PushBack(outgoing); }
  void PushFront(Outgoing& outgoing) override { list_.PushFront(outgoing); }
  Outgoing* Pop() override { return list_.PopFront(); }
  void Remove(Outgoing& outgoing) override { list_.Remove(outgoing); }
  size_t size() const override { return list_.size(); }

 private:
  IntrusiveList<Outgoing, &Outgoing::queue_hook> list_;
};

}  // namespace

std::unique_ptr<Queue> NewFifoQueue() { return std::make_unique<FifoQueue>(); }

}  // namespace rain
