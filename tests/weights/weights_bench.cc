// Bytes and seconds of a push of a model's weights after one optimizer step at learning rate 1e-6.
//   weights_bench MODEL_DIRECTORY [BF16 | F32 [REPEATS [RECEIVERS,...]]]
// Receivers are threads of this process: each keeps its own copy, digests it and compares it with
// the learner's. The last line is one JSON object.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"
#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/base/testing/bench_timing.h"
#include "libs/model/decoder.h"
#include "libs/weights/delta_codec.h"
#include "services/learner/publish/snapshot_source.h"
#include "services/learner/train/testing/whole_batch.h"
#include "services/learner/train/trainer.h"
#include "tests/weights/sync_parts.h"

namespace convrec {
namespace {

using base::Median;
using base::SecondsOf;

using SnapshotPtr = std::shared_ptr<const weights::Snapshot>;

// Weights before and after one step on made-up rows of 64 tokens.
std::pair<SnapshotPtr, SnapshotPtr> TrainOneStep(const std::string& directory,
                                                 const std::string& dtype) {
  auto policy = model::LoadDecoder(directory, {.device = "cpu", .trainable = true, .seed = 1});
  CR_CHECK(policy.ok(), policy.status().ToString());
  const SnapshotPtr before = learner::TakeSnapshot(**policy, {1}, {1}, dtype);
  learner::Trainer::Options options;
  options.schedule.peak = 1e-6;
  auto trainer = learner::Trainer::Create(options, policy->get());
  CR_CHECK(trainer.ok(), trainer.status().ToString());
  base::RandomStream random(1, 1);
  const auto vocab = static_cast<uint64_t>((*policy)->config().vocab_size);
  std::vector<learner::SftRow> rows(2);
  for (learner::SftRow& row : rows) {
    for (int i = 0; i < 32; ++i)
      row.prompt_tokens.push_back(static_cast<int32_t>(random.Below(vocab)));
    for (int i = 0; i < 32; ++i)
      row.completion_tokens.push_back(static_cast<int32_t>(random.Below(vocab)));
  }
  const auto stats = learner::SftStep(**trainer, rows);
  CR_CHECK(stats.ok(), stats.status().ToString());
  const auto pool = std::make_shared<weights::BufferPool>();
  const auto take = [&] { return learner::TakeSnapshot(**policy, {1}, {2}, dtype, {}, pool); };
  const double fresh = SecondsOf(take);
  std::printf("snapshot of the learner: %.4f s in fresh memory, %.4f s in memory used before\n",
              fresh,
              SecondsOf(take));
  return {before, take()};
}

// The same bytes under another version number.
SnapshotPtr AsVersion(const weights::Snapshot& snapshot, int64_t version) {
  auto copy = std::make_shared<weights::Snapshot>();
  copy->manifest = snapshot.manifest;
  copy->manifest.version = {version};
  copy->bytes = weights::ByteBuffer(snapshot.bytes.size());
  std::memcpy(copy->bytes.data(), snapshot.bytes.data(), snapshot.bytes.size());
  return copy;
}

struct Row {
  int receivers = 0;
  bool is_delta = false;
  bool is_shared_memory = false;
  double seconds = 0;        // From publishing to the last receiver's commit.
  double learner_bytes = 0;  // Over gRPC, per push.
};

Row Push(const weights::Snapshot& before, const weights::Snapshot& after, Row row, int repeats) {
  const base::TemporaryDirectory run;
  PublishingLearner learner({.run = row.is_shared_memory ? run.path() : ""});
  int64_t version = 1;
  learner.Publish(AsVersion(before, version));
  std::vector<std::unique_ptr<ReceivingWorker>> workers;
  for (int i = 0; i < row.receivers; ++i) {
    workers.push_back(std::make_unique<ReceivingWorker>(
        ReceivingWorker::Options{.name = absl::StrCat("worker-", i),
                                 .learner = learner.address(),
                                 .takes_deltas = row.is_delta,
                                 .takes_shared_memory = row.is_shared_memory}));
  }
  for (const auto& worker : workers) worker->Await(version);
  std::vector<double> seconds;
  const uint64_t sent = learner.sent_bytes();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    // There and back again: both directions change the same elements.
    const SnapshotPtr next = AsVersion(repeat % 2 == 0 ? after : before, ++version);
    seconds.push_back(SecondsOf([&] {
      learner.Publish(next);
      for (const auto& worker : workers) worker->Await(version);
    }));
    for (const auto& worker : workers) {
      CR_CHECK(worker->held()->bytes.view() == next->bytes.view(), "a receiver holds other bytes");
      CR_CHECK((worker->last_header().encoding == weights::Encoding::kDelta) == row.is_delta);
      CR_CHECK((worker->last_source() == rollout::TransferPlan::Source::kSharedMemory) ==
               row.is_shared_memory);
    }
  }
  row.seconds = Median(seconds);
  row.learner_bytes = static_cast<double>(learner.sent_bytes() - sent) / repeats;
  return row;
}

void PrintCodec(const weights::Snapshot& before, const weights::Snapshot& after) {
  std::printf("%-22s %12s %8s %10s %10s\n", "encoding", "bytes", "share", "encode s", "decode s");
  weights::ByteBuffer out(after.bytes.size());
  const std::vector<std::pair<std::string, weights::DeltaOptions>> ways = {
      {"as chosen, level 1", {}},
      {"as chosen, level 3", {.level = 3}},
      {"as chosen, level 9", {.level = 9}},
      {"changes, level 1", {.only = weights::BlockMethod::kChanges}},
      {"planes, level 1", {.only = weights::BlockMethod::kPlanes}},
  };
  for (const auto& [name, options] : ways) {
    std::string delta;
    const double encode =
        SecondsOf([&, &how = options] { delta = *weights::EncodeDelta(before, after, how); });
    const double decode = SecondsOf(
        [&] { CR_CHECK(weights::ApplyDelta(delta, before, after.manifest, out.data()).ok()); });
    CR_CHECK(out.view() == after.bytes.view());
    std::printf("%-22s %12zu %8.5f %10.4f %10.4f\n",
                name.c_str(),
                delta.size(),
                static_cast<double>(delta.size()) / static_cast<double>(after.bytes.size()),
                encode,
                decode);
  }
  std::printf("%-22s %52.4f\n", "digests of a receiver", SecondsOf([&] {
                CR_CHECK(weights::VerifyBytes(after.manifest, out.data()).ok());
              }));
}

int Run(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr,
                 "usage: weights_bench MODEL_DIRECTORY [BF16 | F32 [REPEATS [RECEIVERS,...]]]\n");
    return 64;
  }
  const std::string dtype = argc > 2 ? argv[2] : "BF16";
  const int repeats = argc > 3 ? std::max(std::atoi(argv[3]), 1) : 3;
  if (weights::ElementBytes(dtype) == 0) {
    std::fprintf(stderr, "the number type is \"%s\": expected BF16 or F32\n", dtype.c_str());
    return 64;
  }
  std::vector<int> counts;
  for (const absl::string_view text : absl::StrSplit(argc > 4 ? argv[4] : "1,4,16", ',')) {
    if (!absl::SimpleAtoi(text, &counts.emplace_back()) || counts.back() < 1) {
      std::fprintf(stderr, "the receivers are \"%s\": expected numbers as in 1,4,16\n", argv[4]);
      return 64;
    }
  }
  const auto [before, after] = TrainOneStep(argv[1], dtype);
  uint64_t changed = 0;
  const uint64_t element = weights::ElementBytes(dtype);
  for (uint64_t i = 0; i < after->bytes.size(); i += element) {
    changed += std::memcmp(before->bytes.data() + i, after->bytes.data() + i, element) != 0;
  }
  const double num_elements = static_cast<double>(after->bytes.size() / element);
  std::printf("%s: %.4f of the values differ after the step\n\n",
              dtype.c_str(),
              static_cast<double>(changed) / num_elements);
  PrintCodec(*before, *after);

  const double full = static_cast<double>(after->bytes.size());
  const double delta = static_cast<double>(weights::EncodeDelta(*before, *after)->size());
  std::printf("\n%-10s %-8s %-14s %10s %22s\n",
              "receivers",
              "payload",
              "transport",
              "seconds",
              "learner's gRPC bytes");
  std::vector<std::string> rows;
  double seconds_shm = 0, seconds_grpc = 0;
  for (const int receivers : counts) {
    for (const bool is_delta : {false, true}) {
      for (const bool is_shared_memory : {true, false}) {
        if (is_delta && is_shared_memory) continue;  // Shared memory carries whole weights.
        const Row row = Push(
            *before,
            *after,
            {.receivers = receivers, .is_delta = is_delta, .is_shared_memory = is_shared_memory},
            repeats);
        const char* payload = is_delta ? "delta" : "full";
        const char* transport = is_shared_memory ? "shm" : "grpc";
        std::printf("%-10d %-8s %-14s %10.4f %22.0f\n",
                    receivers,
                    payload,
                    transport,
                    row.seconds,
                    row.learner_bytes);
        std::fflush(stdout);
        rows.push_back(
            absl::StrFormat("{\"receivers\": %d, \"payload\": \"%s\", \"transport\": \"%s\", "
                            "\"seconds\": %.4f, \"learner_bytes\": %.0f}",
                            receivers,
                            payload,
                            transport,
                            row.seconds,
                            row.learner_bytes));
        // What workers do unless they are told otherwise: whole weights through shared memory,
        // deltas over gRPC.
        if (receivers == counts.front() && is_shared_memory) seconds_shm = row.seconds;
        if (receivers == counts.front() && is_delta) seconds_grpc = row.seconds;
      }
    }
  }
  std::printf(
      "{\"full_bytes\": %.0f, \"delta_bytes\": %.0f, \"ratio\": %.5f, \"seconds_shm\": %.4f, "
      "\"seconds_grpc\": %.4f, \"changed\": %.5f, \"type\": \"%s\", \"rows\": [%s]}\n",
      full,
      delta,
      delta / full,
      seconds_shm,
      seconds_grpc,
      static_cast<double>(changed) / num_elements,
      dtype.c_str(),
      absl::StrJoin(rows, ", ").c_str());
  return 0;
}

}  // namespace
}  // namespace convrec

int main(int argc, char** argv) { return convrec::Run(argc, argv); }
