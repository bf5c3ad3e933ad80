// What a post box keeps beside its transport: who was at the other end, and what the program has attached.
#include "listenrain/framework/post_box.h"

#include <gtest/gtest.h>

#include <any>
#include <memory>
#include <string>
#include <utility>

#include "listenrain/framework/protocol.h"
#include "listenrain/framework/shard.h"
#include "listenrain/testing/manual_loop.h"

namespace rain {
namespace {

class PostBoxTest : public testing::Test {
 protected:
  // Each time another object, as of another channel.
  void Meet(const std::string& address) { box_->set_peer(std::make_shared<const PeerInfo>(PeerInfo{address, {}})); }

  const Ref<PostBox> box_ = MakeRef<PostBox>(MakeRef<Shard>(std::make_shared<ManualLoop>(), NewBufferPool(), nullptr),
                                             std::make_shared<const ProtocolParts>(), TransportKey("model://peer"), Role::dialer);
};

TEST_F(PostBoxTest, WhoWasOnceAtTheOtherEndMayBeLookedAtAsLongAsTheBoxLives) {
  EXPECT_EQ(box_->peer().address, "");
  Meet("model://a");
  const PeerInfo& a = box_->peer();
  Meet("model://a");
  EXPECT_EQ(&box_->peer(), &a) << "one that is known is kept once";
  Meet("model://b");
  const PeerInfo& b = box_->peer();
  Meet("model://c");
  EXPECT_EQ(box_->peer().address, "model://c");
  Meet("model://a");
  EXPECT_EQ(&box_->peer(), &a);
  Meet("model://b");
  EXPECT_EQ(&box_->peer(), &b);
  EXPECT_EQ(a.address, "model://a");
  EXPECT_EQ(b.address, "model://b");
}

TEST_F(PostBoxTest, ASessionIsThereUntilItIsCleared) {
  EXPECT_FALSE(box_->session().has_value());
  box_->ClearSession();
  box_->SetSession(std::make_shared<int>(7));
  EXPECT_EQ(*std::any_cast<std::shared_ptr<int>>(box_->session()), 7);
  box_->ClearSession();
  EXPECT_FALSE(box_->session().has_value());
}

}  // namespace
}  // namespace rain
