// SimNetwork: what a simulated world's nodes reach each other by: keys such as sim://node:7000, links that take their time, and
// faults.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/framework/channel_generator.h"
#include "listenrain/testing/sim_connection.h"
#include "listenrain/testing/sim_history.h"

namespace rain {

class SimListener;
class SimDialer;
struct SimAttempt;

// What becomes of attempts to connect to a node.
enum class SimDialing { works, refused, unresolvable, black_hole };

// Shared by the nodes' schemes. Thread: one.
class SimNetwork final : public std::enable_shared_from_this<SimNetwork> {
 public:
  // `agenda` and `history` are borrowed.
  SimNetwork(SimAgenda& agenda, SimHistory& history, uint64_t seed) : agenda_(agenda), history_(history), random_(seed) {}

  // The scheme "sim" as a node has it: it listens on its own name alone. A key's options are those of Backoff.
  TransportScheme SchemeOf(const std::string& node);

  // Of connections made from now on; those between two nodes may have one of their own.
  void SetLink(const SimLink& link) { link_ = link; }
  void SetLink(const std::string& a, const std::string& b, const SimLink& link) { links_[std::minmax(a, b)] = link; }

  // Faults. Those of nodes and pairs of nodes hold until they are ended.
  void SetDialing(const std::string& node, SimDialing dialing) { nodes_[node].dialing = dialing; }
  void FailAccepts(const std::string& node, int count) { nodes_[node].accepts_to_fail += count; }
  void Part(const std::string& a, const std::string& b, bool parted);
  // Everything of the node's vanishes, without a word to its peers. Until Return, dialing it is a black hole.
  void Vanish(const std::string& node);
  void Return(const std::string& node);

  // One of the connections that there are, with both ends.
  struct Road {
    std::string dialer, acceptor;
    std::weak_ptr<SimConnection> connection;
  };
  std::vector<Road> Roads();

 private:
  friend class SimListener;
  friend class SimDialer;
  struct Node {
    bool up = true;
    SimDialing dialing = SimDialing::works;
    int accepts_to_fail = 0;
    int last_port = 40'000;
    std::map<int, SimListener*> listeners;
  };

  void Dial(const std::string& from, const TransportKey& to, std::shared_ptr<SimAttempt> attempt);
  void ArriveAt(const std::string& from, const TransportKey& to, std::shared_ptr<SimAttempt> attempt);
  bool Parted(const std::string& a, const std::string& b) const { return parted_.count(std::minmax(a, b)) > 0; }
  const SimLink& LinkBetween(const std::string& a, const std::string& b) const;
  absl::Duration Latency(const SimLink& link) { return link.latency + random_.Below(link.jitter); }

  SimAgenda& agenda_;
  SimHistory& history_;
  SimRandom random_;
  SimLink link_;
  std::map<std::pair<std::string, std::string>, SimLink> links_;
  std::map<std::string, Node> nodes_;
  std::set<std::pair<std::string, std::string>> parted_;
  std::vector<Road> roads_;
};

}  // namespace rain
