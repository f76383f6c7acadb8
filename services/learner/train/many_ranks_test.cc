// Several ranks, as real processes, against one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/collective/testing/rank_processes.h"
#include "libs/model/compute_threads.h"
#include "libs/model/safetensors.h"
#include "libs/model/stored_tensor.h"
#include "services/learner/train/sharded_parameters.h"
#include "services/learner/train/testing/tiny_decoder.h"
#include "services/learner/train/testing/whole_batch.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

using base::JoinPath;
using collective::RankExit;
using collective::RunRanks;

Trainer::Options Options(int zero_stage) {
  Trainer::Options options;
  options.schedule.peak = 1e-3;
  options.adamw.epsilon = 1e-3;  // A gradient of rounding noise moves nothing.
  options.adamw.weight_decay = 0.01;
  options.max_grad_norm = 0.5;  // Is in force.
  options.microbatch_tokens = 60;
  options.zero_stage = zero_stage;
  options.bucket_size = 700;  // Many buckets, and parameters that are larger.
  return options;
}

// What every rank makes of its trainer; each value that it gives on rank 0 is compared.
using Body =
    std::function<std::vector<double>(Trainer&, model::Decoder&, const model::Decoder*, int rank)>;

struct Result {
  std::vector<double> values;
  std::map<std::string, at::Tensor> tensors;  // Parameters and moments at the end.
};

void WriteTensors(const std::string& path, const std::vector<model::NamedTensor>& tensors) {
  std::vector<model::TensorSource> sources;
  for (const model::NamedTensor& entry : tensors) {
    const at::Tensor tensor = entry.tensor.detach();
    sources.push_back({entry.name, tensor.sizes().vec(), [tensor](float* out) {
                         return model::CopyOut(tensor, out);
                       }});
  }
  CR_CHECK(model::WriteSafetensors(path, sources, "F32").ok());
}

std::map<std::string, at::Tensor> ReadTensors(const std::string& path) {
  const auto file = model::SafetensorsFile::Open(path);
  CR_CHECK(file.ok(), std::string(file.status().message()));
  std::map<std::string, at::Tensor> tensors;
  for (const model::TensorView& view : file->tensors()) {
    tensors[view.name] = model::AsTensor(view).clone();  // The file is closed.
  }
  return tensors;
}

struct Variant {
  int updates_per_batch = 1;
  bool activation_checkpointing = false;
  bool tied = true;  // The head is the embedding.
  model::LoraConfig lora = {};
  double max_logprob_gap = 0;
};

struct Training {
  int size = 1;
  int zero_stage = 0;
  Body body;
  const Result* state = nullptr;  // To start from; may be null.
  Variant variant = {};
};

std::unique_ptr<model::Decoder> MakeDecoder(const Variant& variant, uint64_t seed, bool trainable) {
  model::ModelConfig config = TinyConfig();
  config.tie_word_embeddings = variant.tied;
  return *model::MakeDecoder(
      config,
      {.trainable = trainable,
       .activation_checkpointing = trainable && variant.activation_checkpointing,
       .seed = seed,
       .lora = trainable ? variant.lora : model::LoraConfig()});
}

// Parameters on rank 0 alone: the trainer gives them to the others.
void PutIn(const Result& state, int rank, Trainer* trainer) {
  for (const MomentPiece& moment : trainer->Moments(rank)) {
    moment.values_N.copy_(state.tensors.at(moment.name).narrow(0, moment.begin, moment.size));
  }
  trainer->SetNumUpdates(static_cast<int64_t>(state.values[0]));
}

void WriteMoments(const std::string& path, const std::vector<MomentPiece>& pieces) {
  std::vector<model::NamedTensor> moments;
  for (const MomentPiece& moment : pieces)
    moments.push_back({absl::StrCat(moment.name, "@", moment.begin), moment.values_N});
  WriteTensors(path, moments);
}

void CheckNothingIsWhole(const model::Decoder& policy,
                         const ShardedParameters& shards,
                         const ShardedParameters& reference_shards) {
  CR_CHECK(shards.num_gathered_bytes() + reference_shards.num_gathered_bytes() == 0);
  for (const model::NamedTensor& parameter : policy.parameters())
    CR_CHECK(parameter.tensor.storage().data() == nullptr, parameter.name);
}

int RunRank(const Training& training, const std::string& dir, int rank, int port, int fd) {
  model::SetComputeThreads(1);
  const Variant& variant = training.variant;
  // Every rank begins with other parameters: those of rank 0 count.
  const auto policy = MakeDecoder(variant, 1 + static_cast<uint64_t>(rank), /*trainable=*/true);
  const auto reference = MakeDecoder(variant, 2, /*trainable=*/false);
  std::unique_ptr<ProcessGroup> group;
  if (training.size > 1) {
    group = *ProcessGroup::Connect({.rank = rank,
                                    .size = training.size,
                                    .address = "127.0.0.1",
                                    .port = port,
                                    .listen_fd = fd,
                                    .timeout = absl::Seconds(60)});
  }
  if (rank == 0 && training.state != nullptr) {
    const at::NoGradGuard no_grad;
    for (const model::NamedTensor& parameter : policy->trained())
      at::Tensor(parameter.tensor).copy_(training.state->tensors.at(parameter.name));
  }
  std::unique_ptr<ShardedParameters> shards, reference_shards;
  if (training.zero_stage == 3) {
    shards = std::make_unique<ShardedParameters>(policy.get(), group.get());
    reference_shards = std::make_unique<ShardedParameters>(reference.get(), group.get());
  }
  Trainer::Options options = Options(training.zero_stage);
  options.updates_per_batch = variant.updates_per_batch;
  options.max_logprob_gap = variant.max_logprob_gap;
  const auto trainer =
      *Trainer::Create(options, policy.get(), base::Clock::Real(), group.get(), shards.get());
  if (training.state != nullptr) PutIn(*training.state, rank, trainer.get());
  std::vector<double> values = training.body(*trainer, *policy, reference.get(), rank);
  values.insert(values.begin(), static_cast<double>(trainer->num_updates()));
  if (shards != nullptr) CheckNothingIsWhole(*policy, *shards, *reference_shards);
  const auto whole = MakeDecoder(variant, 1, /*trainable=*/false);
  model::CopyParameters(*policy, whole.get());  // All ranks read their shards.
  if (rank == 0) {
    WriteTensors(JoinPath(dir, "parameters"),
                 variant.lora.is_on() ? policy->adapter() : whole->parameters());
    CR_CHECK(base::WriteFileAtomically(JoinPath(dir, "values"), EncodeRecords({{values}})).ok());
  }
  if (rank < trainer->num_shards())
    WriteMoments(JoinPath(dir, absl::StrCat("moments-", rank)), trainer->Moments(rank));
  if (group != nullptr) group->Leave();
  return 0;
}

// Runs a body on `size` ranks and reads back what it gave.
Result RunTraining(int size,
                   int zero_stage,
                   const Body& body,
                   const Result* state = nullptr,
                   const Variant& variant = {}) {
  const base::TemporaryDirectory dir;
  const Training training{size, zero_stage, body, state, variant};
  const auto run = [&](int rank, int port, int fd) {
    return RunRank(training, dir.path(), rank, port, fd);
  };
  for (const RankExit& exit : RunRanks(size, run)) EXPECT_EQ(exit.status, 0) << exit.output;
  Result result;
  result.values = DecodeRecords(*base::ReadFile(JoinPath(dir.path(), "values")))[0][0];
  result.tensors = ReadTensors(JoinPath(dir.path(), "parameters"));
  const std::map<std::string, at::Tensor> parameters = result.tensors;
  for (const auto& [name, tensor] : parameters) {
    for (const char* moment : kMoments) {
      result.tensors[moment + name] =
          at::full({tensor.numel()}, std::numeric_limits<double>::quiet_NaN(), at::kFloat);
    }
  }
  for (int rank = 0; rank < size; ++rank) {
    const std::string path = JoinPath(dir.path(), absl::StrCat("moments-", rank));
    if (!base::FileExists(path)) continue;
    for (const auto& [place, piece] : ReadTensors(path)) {
      const size_t at = place.rfind('@');
      result.tensors.at(place.substr(0, at))
          .narrow(0, std::stoll(place.substr(at + 1)), piece.numel())
          .copy_(piece);
    }
  }
  return result;
}

// `tolerance` 0: the same bits.
void ExpectEqual(const Result& actual,
                 const Result& expected,
                 double tolerance,
                 const std::string& what) {
  ASSERT_EQ(actual.values.size(), expected.values.size());
  for (size_t i = 0; i < actual.values.size(); ++i) {
    EXPECT_NEAR(actual.values[i],
                expected.values[i],
                tolerance * std::max(1.0, std::abs(expected.values[i])))
        << what << ", value " << i;
  }
  ASSERT_EQ(actual.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    const double gap = (actual.tensors.at(name) - tensor).abs().max().item<double>();
    EXPECT_LE(gap, tolerance * std::max(1.0, tensor.abs().max().item<double>()))
        << what << ", " << name;
  }
}

// Steps of both kinds; the last policy step has fewer groups than four ranks.
std::vector<double> ThreeOfEach(Trainer& trainer,
                                model::Decoder&,
                                const model::Decoder* reference,
                                int rank) {
  std::vector<double> values;
  for (int step = 0; step < 3; ++step) {
    const TrainingBatch batch = MakeTinyBatch(
        step == 2 ? 2 : 7, TinyObjective(), /*version=*/step % 2, 3 + static_cast<uint64_t>(step));
    const absl::StatusOr<StepStats> stats = PolicyStep(trainer, batch, reference, rank);
    CR_CHECK(stats.ok(), std::string(stats.status().message()));
    for (const LossStats& loss : stats->losses) {
      values.insert(values.end(),
                    {loss["loss"],
                     loss["kl_loss"],
                     loss["kl"],
                     loss["entropy"],
                     loss["ratio_mean"],
                     loss["ratio_min"],
                     loss["ratio_max"],
                     loss["logprob_gap"]});
    }
    for (const UpdateStats& update : stats->updates)
      values.insert(values.end(),
                    {update.grad_norm, update.learning_rate, double(update.is_applied)});
    std::vector<SftRow> rows;
    for (int32_t i = 0; i < 5; ++i) rows.push_back({{i, i + 1}, {i + 2, 5, kTinyEnd}});
    const absl::StatusOr<SftStats> sft = SftStep(trainer, rows, rank);
    CR_CHECK(sft.ok(), std::string(sft.status().message()));
    values.insert(values.end(),
                  {sft->loss, sft->entropy_mean, double(sft->num_tokens), sft->update.grad_norm});
  }
  return values;
}

TEST(ManyRanksTest, GiveTheLossesWeightsAndMomentsOfOneRankAtEveryStage) {
  const Result one = RunTraining(1, 0, ThreeOfEach);
  EXPECT_EQ(one.values[0], 6);
  for (const int size : {2, 4}) {
    for (const int stage : {0, 1, 2, 3}) {
      ExpectEqual(RunTraining(size, stage, ThreeOfEach),
                  one,
                  2e-6,
                  absl::StrCat(size, " ranks, stage ", stage));
    }
  }
}

TEST(ManyRanksTest, AnAdapterIsTrainedOnTheLeadersBase) {
  const Result one = RunTraining(1, 0, ThreeOfEach, nullptr, {.lora = TinyLora()});
  for (const int stage : {0, 1, 2}) {
    ExpectEqual(RunTraining(2, stage, ThreeOfEach, nullptr, {.lora = TinyLora()}),
                one,
                2e-6,
                absl::StrCat("adapter, stage ", stage));
  }
}

TEST(ManyRanksTest, SeveralUpdatesOfABatchAreThoseOfOneRank) {
  const Variant twice = {.updates_per_batch = 2};
  const Result one = RunTraining(1, 0, ThreeOfEach, nullptr, twice);
  for (const int stage : {2, 3})
    ExpectEqual(RunTraining(2, stage, ThreeOfEach, nullptr, twice), one, 4e-6, "two updates");
}

TEST(ManyRanksTest, ShardedParametersServeCheckpointedLayersAndAHeadOfItsOwn) {
  for (const bool tied : {true, false}) {
    const Result one = RunTraining(1, 0, ThreeOfEach, nullptr, {.tied = tied});
    const Result plain = RunTraining(2, 3, ThreeOfEach, nullptr, {.tied = tied});
    ExpectEqual(plain, one, 2e-6, absl::StrCat("tied ", tied));
    ExpectEqual(
        RunTraining(2, 3, ThreeOfEach, nullptr, {.activation_checkpointing = true, .tied = tied}),
        plain,
        0,
        absl::StrCat("checkpoints, tied ", tied));
  }
}

TEST(ManyRanksTest, AGradientThatIsNotFiniteIsRefusedByAllAndLeavesNoTrace) {
  const Body body = [](Trainer& trainer, model::Decoder&, const model::Decoder*, int rank) {
    TrainingBatch batch = MakeTinyBatch(4);
    batch.groups[3].samples[0].advantage_T[0] = std::numeric_limits<double>::quiet_NaN();
    const StepStats refused = *PolicyStep(trainer, batch, nullptr, rank);
    const StepStats good = *PolicyStep(trainer, MakeTinyBatch(4), nullptr, rank);
    return std::vector<double>{double(refused.updates[0].is_applied),
                               double(trainer.num_refused_updates()),
                               good.updates[0].grad_norm};
  };
  const Result one = RunTraining(1, 0, body);
  EXPECT_EQ(one.values[1], 0);
  EXPECT_EQ(one.values[2], 1);
  for (const int stage : {0, 1, 2, 3})
    ExpectEqual(RunTraining(2, stage, body), one, 2e-6, "refused");
}

// One of rank 1's groups: rank 0 finds nothing in its own.
TEST(ManyRanksTest, AGapThatOneRankFindsEndsTheStepOnAllWithTheSameSentence) {
  const Body body = [](Trainer& trainer, model::Decoder&, const model::Decoder*, int rank) {
    TrainingBatch batch = MakeTinyBatch(4);
    for (SampleGroup& group : batch.groups) group.worker = "rollout-1";
    std::vector<PolicyShare> shares = *SpreadBatch(std::move(batch), trainer.spread());
    SampleGroup& other = shares.back().batch.groups.back();
    other.in_float32 = true;
    const std::string name = other.id.ToString();
    const size_t own = static_cast<size_t>(rank);
    const absl::Status status =
        trainer.PolicyStep(rank == 0 ? std::span(shares) : std::span(shares).subspan(own, 1), {})
            .status();
    const std::string text(status.message());
    CR_CHECK(absl::IsInvalidArgument(status) &&
                 text.find(absl::StrCat("(worker rollout-1, group ", name, ")")) != text.npos,
             text);
    const StepStats good = *PolicyStep(trainer, MakeTinyBatch(4), nullptr, rank);
    return std::vector<double>{good.updates[0].grad_norm};
  };
  const Variant bounded = {.max_logprob_gap = 0.01};
  const Result one = RunTraining(1, 0, body, nullptr, bounded);
  EXPECT_EQ(one.values[0], 1);
  for (const int stage : {0, 1, 2, 3})
    ExpectEqual(RunTraining(2, stage, body, nullptr, bounded), one, 2e-6, "a gap");
}

TEST(ManyRanksTest, AStateGoesFromFourRanksToThreeToTwoToOneBitForBit) {
  const Body nothing = [](Trainer&, model::Decoder&, const model::Decoder*, int) {
    return std::vector<double>();
  };
  Result four = RunTraining(4, 2, ThreeOfEach);
  four.values.resize(1);  // The number of updates.
  const Result three = RunTraining(3, 3, nothing, &four);
  ExpectEqual(three, four, 0, "four to three, of stage 3");
  const Result two = RunTraining(2, 1, nothing, &three);
  ExpectEqual(two, four, 0, "three to two");
  ExpectEqual(RunTraining(1, 0, nothing, &two), four, 0, "two to one");
}

TEST(ManyRanksTest, TheSameRanksGiveTheSameBits) {
  for (const int stage : {2, 3})
    ExpectEqual(RunTraining(2, stage, ThreeOfEach), RunTraining(2, stage, ThreeOfEach), 0, "twice");
}

}  // namespace
}  // namespace convrec::learner
