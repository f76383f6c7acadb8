// What a checkpoint costs the train thread and the disk, and what a publication's snapshot does.
//
//   checkpoint_bench MODEL_DIR DIRECTORY REPEATS
// Checkpoints are written to DIRECTORY, which is removed again. "fresh" rows take memory anew each
// time. The last line of output is one JSON object; seconds are medians.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/memory.h"
#include "libs/base/testing/bench_timing.h"
#include "libs/checkpoint/manifest.h"
#include "libs/model/decoder.h"
#include "services/learner/checkpoint/checkpoint_writer.h"
#include "services/learner/checkpoint/moment_copy.h"
#include "services/learner/checkpoint/rank_shards.h"
#include "services/learner/publish/snapshot_source.h"

namespace convrec::learner {
namespace {

double MedianOf(int repeats, const std::function<void()>& work) {
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) seconds.push_back(base::SecondsOf(work));
  return base::Median(seconds);
}

void Check(const absl::Status& status) { CR_CHECK(status.ok(), std::string(status.message())); }

void Measure(const std::string& model_dir, const std::string& directory, int repeats) {
  auto policy = *model::LoadDecoder(model_dir, {.trainable = true});
  const auto trainer = *Trainer::Create({}, policy.get());
  const std::vector<MomentPiece> moments = trainer->Moments(0);
  const double fresh_moments = MedianOf(repeats, [&] { MomentCopy().Take(moments); });
  MomentCopy kept;
  kept.Take(moments);
  const double kept_moments = MedianOf(repeats, [&] { kept.Take(moments); });

  RankShards shards(directory, nullptr, absl::Minutes(1));
  CheckpointWriter writer(&shards);
  std::vector<double> begin, write;
  for (int i = 0; i <= repeats; ++i) {
    begin.push_back(base::SecondsOf([&] {
      Check(writer.Begin({.root = directory, .name = "rl-1", .source_directory = model_dir},
                         *policy,
                         trainer.get()));
    }));
    write.push_back(base::SecondsOf([&] { Check(writer.Finish()); }));
  }
  const double first_begin = begin.front();
  begin.erase(begin.begin());
  const double load =
      MedianOf(repeats, [&] { Check(checkpoint::LoadNewestCheckpoint(directory).status()); });
  const checkpoint::Checkpoint checkpoint = **checkpoint::LoadNewestCheckpoint(directory);
  const double restore =
      MedianOf(repeats, [&] { Check(shards.Restore(checkpoint, trainer.get())); });
  int64_t size = 0;
  for (const checkpoint::CheckpointFile& file : checkpoint.files) size += file.size_bytes;

  const auto pool = std::make_shared<weights::BufferPool>();
  const auto snapshot = [&](const std::shared_ptr<weights::BufferPool>& memory) {
    TakeSnapshot(*policy, {1}, {1}, "BF16", {}, memory);
  };
  snapshot(pool);
  const double fresh_snapshot = MedianOf(repeats, [&] { snapshot(nullptr); });
  const double kept_snapshot = MedianOf(repeats, [&] { snapshot(pool); });
  std::filesystem::remove_all(directory);
  std::printf(
      "{\"bytes\":%lld,\"train_thread_s\":%.3f,\"first_train_thread_s\":%.3f,"
      "\"moments_s\":%.3f,\"fresh_moments_s\":%.3f,\"write_s\":%.2f,\"verify_s\":%.2f,"
      "\"restore_s\":%.2f,\"snapshot_s\":%.3f,\"fresh_snapshot_s\":%.3f}\n",
      static_cast<long long>(size),
      base::Median(begin),
      first_begin,
      kept_moments,
      fresh_moments,
      base::Median(write),
      load,
      restore,
      kept_snapshot,
      fresh_snapshot);
}

}  // namespace
}  // namespace convrec::learner

int main(int argc, char** argv) {
  convrec::base::KeepFreedMemory();  // As the learner does.
  if (argc != 4) {
    std::fputs("usage: checkpoint_bench MODEL_DIR DIRECTORY REPEATS\n", stderr);
    return 64;
  }
  convrec::learner::Measure(argv[1], argv[2], std::atoi(argv[3]));
}
