// Weights by broadcast between real processes: a learner and workers that come, die and join late.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/files.h"
#include "libs/collective/broadcast_group.h"
#include "libs/collective/testing/rank_processes.h"
#include "libs/weights/testing/made_snapshot.h"
#include "tests/weights/sync_parts.h"

namespace convrec {
namespace {

using rollout::TransferPlan;
using weights::Change;
using weights::MakeSnapshot;

// The same in every process.
std::vector<std::shared_ptr<weights::Snapshot>> Versions(int count) {
  std::vector<std::shared_ptr<weights::Snapshot>> versions = {
      MakeSnapshot(1, {{"BF16", {700, 1000}}, {"F32", {100, 1000}}, {"BF16", {7}}}, 1)};
  for (int version = 2; version <= count; ++version)
    versions.push_back(Change(*versions.back(), version, 0.005, static_cast<uint64_t>(version)));
  return versions;
}

// What processes tell each other: texts in files of one folder.
class Board final {
 public:
  void Tell(const std::string& name, const std::string& text = "") const {
    CR_CHECK(base::WriteFileAtomically(Path(name), text).ok());
  }
  std::string Hear(const std::string& name) const {
    while (!base::FileExists(Path(name))) absl::SleepFor(absl::Milliseconds(5));
    return *base::ReadFile(Path(name));
  }

 private:
  std::string Path(const std::string& name) const { return base::JoinPath(dir_.path(), name); }
  const base::TemporaryDirectory dir_;
};

std::string Said(int worker, int64_t version) { return absl::StrCat(worker, " has ", version); }

// Publishes a version when all who should have the one before have said so.
int Lead(const Board& board, const std::vector<std::vector<int>>& receivers_of_versions) {
  auto store = collective::BroadcastStore::Serve();
  CR_CHECK(store.ok(), store.status().ToString());
  learner::WeightBroadcaster broadcaster({.backend = "gloo",
                                          .port = (*store)->port(),
                                          .join = collective::JoinByDevice("cpu", true),
                                          .first_generation = 1 << 20,
                                          .window = absl::Seconds(3)});
  PublishingLearner learner({.broadcaster = &broadcaster});
  board.Tell("address", learner.address());
  const auto versions = Versions(static_cast<int>(receivers_of_versions.size()));
  for (const int worker : receivers_of_versions[0]) board.Hear(absl::StrCat(worker, " waits"));
  for (size_t i = 0; i < versions.size(); ++i) {
    learner.Publish(versions[i]);
    for (const int worker : receivers_of_versions[i])
      board.Hear(Said(worker, static_cast<int64_t>(i) + 1));
  }
  board.Tell("end");
  return learner.num_mismatches();
}

// Receives `first`..`last` and returns the source of each; dies when the bytes are not the
// published ones.
std::vector<TransferPlan::Source> Follow(const Board& board,
                                         int worker,
                                         int64_t first,
                                         int64_t last,
                                         const collective::JoinBroadcast& join) {
  ReceivingWorker receiver(
      {.name = absl::StrCat("worker-", worker), .learner = board.Hear("address"), .join = join});
  board.Tell(absl::StrCat(worker, " waits"));
  const auto versions = Versions(static_cast<int>(last));
  std::vector<TransferPlan::Source> sources;
  for (int64_t version = first; version <= last; ++version) {
    receiver.Await(version);
    CR_CHECK(receiver.held()->bytes.view() ==
             versions[static_cast<size_t>(version) - 1]->bytes.view());
    sources.push_back(receiver.last_source());
    board.Tell(Said(worker, version));
  }
  board.Hear("end");
  return sources;
}

// Kills its process when the second version comes, while the others receive it.
class DyingGroup final : public collective::BroadcastGroup {
 public:
  explicit DyingGroup(std::unique_ptr<collective::BroadcastGroup> group)
      : group_(std::move(group)) {}
  absl::Status Send(std::string_view, absl::Duration) override { return absl::OkStatus(); }
  absl::Status Receive(char* bytes, size_t size, absl::Duration timeout) override {
    if (++received_ == 2) ::kill(::getpid(), SIGKILL);
    return group_->Receive(bytes, size, timeout);
  }

 private:
  const std::unique_ptr<collective::BroadcastGroup> group_;
  int received_ = 0;
};

TEST(BroadcastSyncTest, ALostWorkerBreaksOneBroadcastAndALateOneComesInWithTheNext) {
  using Source = TransferPlan::Source;
  const Board board;
  // Rank 0 is the learner; 1 dies in version 2, of which 3 gets its bytes through 1; 4 comes when
  // version 2 has been sent.
  const auto exits = collective::RunRanks(5, [&](int rank, int, int) {
    const collective::JoinBroadcast join = collective::JoinByDevice("cpu", true);
    if (rank == 0) return Lead(board, {{1, 2, 3}, {2, 3, 4}, {2, 3, 4}, {2, 3, 4}});
    if (rank == 4) {
      board.Hear(Said(2, 2));
      board.Hear(Said(3, 2));
      const std::vector<Source> sources = Follow(board, rank, 2, 4, join);
      return sources[0] != Source::kBroadcast && sources[1] == Source::kBroadcast &&
                     sources[2] == Source::kBroadcast
                 ? 0
                 : 1;
    }
    if (rank == 1) {
      Follow(board, rank, 1, 2, [&](const collective::BroadcastPlace& place) {
        auto group = join(place);
        CR_CHECK(group.ok(), group.status().ToString());
        return std::make_unique<DyingGroup>(*std::move(group));
      });
      return 1;
    }
    const std::vector<Source> sources = Follow(board, rank, 1, 4, join);
    if (rank == 3 && sources[1] == Source::kBroadcast) return 2;
    return sources[0] == Source::kBroadcast && sources[2] == Source::kBroadcast &&
                   sources[3] == Source::kBroadcast
               ? 0
               : 1;
  });
  for (const size_t rank : {0, 2, 3, 4}) EXPECT_EQ(exits[rank].status, 0) << exits[rank].output;
  EXPECT_EQ(WTERMSIG(exits[1].status), SIGKILL) << exits[1].output;
}

}  // namespace
}  // namespace convrec
