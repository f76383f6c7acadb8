// Decides where each worker fetches a version over gRPC: a tree with the learner at its root.
//
// At most `fanout` workers fetch a version from the learner, and at most `fanout` at a time from
// each worker that has verified it and can be reached; the others wait for one of those. The
// learner thus sends a version `fanout` times, however many workers there are. No worker waits
// indefinitely for a source that never appears: a worker whose source failed, that has waited
// `longest_wait`, or that has no other worker to wait for, fetches from the learner.
//
// Pure: time is an argument. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace convrec::learner {

class TransferPlanner final {
 public:
  struct Options {
    int fanout = 4;  // 0 = all fetch from the learner.
    absl::Duration longest_wait = absl::Seconds(20);
    absl::Duration longest_transfer = absl::Minutes(10);  // After that a place counts as free.
  };
  explicit TransferPlanner(const Options& options) : options_(options) {}

  struct Request {
    std::string worker;
    std::string relay_address;        // Where others can fetch from it; empty = nowhere.
    bool is_local = false;            // It called through the loopback interface.
    std::vector<std::string> failed;  // Addresses that failed to deliver this version to it.
  };
  struct Plan {
    enum class Source { kWait, kLearner, kWorker };
    Source source = Source::kWait;
    std::string address = {};                   // Of the worker.
    absl::Time again = absl::InfiniteFuture();  // kWait: when it is to ask at the latest.
    bool frees_place = false;  // Its own transfer is over, so that one that waits may begin.
  };
  // A new version clears everything about the previous one. The transfer counts as started.
  Plan PlanFor(const Request& request, int64_t version, absl::Time now);

  // The worker has verified the version and can serve it.
  void Verified(const std::string& worker, int64_t version);
  // Its transfer from the learner broke; it may still resume and verify.
  void Ended(const std::string& worker, int64_t version);

 private:
  struct Member {
    bool has_verified = false;
    bool is_fetching = false;
    bool is_direct = false;  // It fetches, or has fetched, from the learner.
    bool is_local = false;
    std::string relay_address;
    std::string source;  // While fetching from a worker.
    absl::Time since;    // Time of the first request; while fetching, of the plan.
  };
  // Who fetches from where, as seen by the worker that asks.
  struct Load {
    int num_direct = 0;                  // From the learner.
    bool has_prospect = false;           // Some worker has, or will have, the version for it.
    std::map<std::string, int> readers;  // By address of the worker they fetch from.
  };
  static bool CanReach(const Request& from, const Member& member);
  static bool HasFailed(const Request& from, const std::string& address);
  void BeginVersion(int64_t version);
  // Frees the places of transfers that take too long.
  Load LoadFor(const Request& request, absl::Time now);
  // When the first of the transfers counts as over.
  absl::Time NextTimeout() const;
  // The worker that fewest fetch from; null when there is none with a place.
  const Member* SourceFor(const Request& request, Load* load) const;

  const Options options_;
  int64_t version_ = -1;
  std::map<std::string, Member> members_;
  std::map<std::string, absl::Time> waiting_since_;
  // Workers whose source failed, by the source's address.
  std::map<std::string, std::set<std::string>> complaints_;
};

}  // namespace convrec::learner
