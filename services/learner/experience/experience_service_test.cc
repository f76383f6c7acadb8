// The service over a real connection: what it tells workers, and what it refuses.
#include "services/learner/experience/experience_service.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/rpc/testing/many_calls.h"
#include "libs/wire/rollout.h"
#include "libs/wire/run_header.h"
#include "proto/experience.grpc.pb.h"

namespace convrec::learner {
namespace {

const domain::RunIdentity kIdentity{
    .epoch = {.value = 1, .run = {.high = 2, .low = 3}},
    .digests = {.model = "m", .tokenizer = "t", .catalog = "c", .rules = "r"}};
constexpr char kWorker[] = "rollout-0";

class ExperienceServiceTest : public testing::Test {
 protected:
  explicit ExperienceServiceTest(absl::Duration lease_timeout = absl::Minutes(5))
      : lease_timeout_(lease_timeout) {}

  void SetUp() override {
    ExperienceService::Options options{
        .run = "test",
        .digests = {.model = "m", .tokenizer = "t", .catalog = "c", .rules = "r"},
        .reward_rules = "exp_inf"};
    options.num_ranks = 1;
    options.vocab_size = 10;
    options.constrained = true;
    options.numbered_lists = true;
    options.check_shape = [](const domain::RolloutGroup& group) {
      return group.rollouts[0].rank_of_token[0] == 0
                 ? absl::OkStatus()
                 : absl::InvalidArgumentError("the first rank is not 0");
    };
    options.check_group = [](const domain::Lease& lease, const domain::RolloutGroup& group) {
      EXPECT_TRUE(lease.sampling.constrained);
      EXPECT_EQ(lease.prompt.seen_titles, std::vector<std::string>{"Up"});
      return group.rollouts[0].completion.token_ids[0] == 7
                 ? absl::OkStatus()
                 : absl::InvalidArgumentError("token 0 is not legal");
    };
    options.set_aside = [this](const GroupLedger::SetAside& group) { set_aside_.push_back(group); };
    service_ = ExperienceService::Create(options, &ledger_, &prompts_, &metrics_);
    auto server = rpc::Server::Start("127.0.0.1:0", {service_->service()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = rpc::MakeChannel(server_->address());
    stub_ = v1::ExperienceService::NewStub(channel);
    raw_stub_ = std::make_unique<grpc::GenericStub>(channel);
    ledger_.Publish({1});
    ledger_.AllowTraining(4);
    ASSERT_TRUE(Join(JoinRequestOf(kWorker)).status.ok());
  }

  // As a worker says it that has joined.
  static v1::CallHeader CallOf(const std::string& worker, uint64_t instance = 1) {
    v1::CallHeader call;
    *call.mutable_run() = wire::ToProto(kIdentity);
    call.set_worker(worker);
    call.set_instance(instance);
    return call;
  }

  static v1::JoinRequest JoinRequestOf(const std::string& worker, uint64_t instance = 1) {
    v1::JoinRequest request;
    *request.mutable_call() = CallOf(worker, instance);
    request.mutable_call()->mutable_run()->clear_run_id();
    request.mutable_call()->mutable_run()->clear_start();
    request.set_reward_rules("exp_inf");
    return request;
  }

  struct Joined {
    grpc::Status status;
    v1::JoinReply reply;
  };
  Joined Join(const v1::JoinRequest& request) {
    Joined joined;
    grpc::ClientContext context;
    joined.status = stub_->Join(&context, request, &joined.reply);
    return joined;
  }

  static domain::Prompt MakePrompt() {
    domain::Prompt prompt;
    prompt.token_ids = {1};
    prompt.ground_truth = {{"Heat", 1995}};
    prompt.seen_titles = {"Up"};
    return prompt;
  }

  v1::Lease Lease(const std::string& worker = kWorker, uint64_t instance = 1) {
    grpc::ClientContext context;
    v1::LeasePromptsRequest request;
    *request.mutable_call() = CallOf(worker, instance);
    request.set_max_groups(1);
    request.set_wait_ms(10000);
    v1::LeasePromptsReply reply;
    EXPECT_TRUE(stub_->LeasePrompts(&context, request, &reply).ok());
    return reply.leases_size() == 1 ? reply.leases(0) : v1::Lease();
  }

  static v1::RolloutGroup GroupFor(const v1::Lease& lease, int32_t token_id = 7) {
    domain::Rollout rollout;
    rollout.completion = {.token_ids = {token_id, 2},
                          .sampled_logprobs = {-1, 0},
                          .finish_reason = domain::FinishReason::kStop,
                          .version_runs = {{{1}, 2}}};
    rollout.rank_of_token = {0, domain::kEndUnit};
    rollout.score.rank_rewards = {0};
    const domain::RolloutGroup group{.group = {lease.group().pass(), lease.group().prompt()},
                                     .attempt = lease.attempt(),
                                     .epoch = {1},
                                     .rollouts = {rollout}};
    return wire::ToProto(group);
  }

  v1::SubmitGroupsReply Submit(const v1::Lease& lease, int32_t token_id) {
    return Submit(GroupFor(lease, token_id));
  }

  static v1::SubmitGroupsRequest RequestOf(const v1::RolloutGroup& group) {
    v1::SubmitGroupsRequest request;
    *request.add_groups() = group;
    *request.mutable_call() = CallOf(kWorker);
    return request;
  }

  v1::SubmitGroupsReply Submit(const v1::RolloutGroup& group) {
    grpc::ClientContext context;
    v1::SubmitGroupsReply reply;
    EXPECT_TRUE(stub_->SubmitGroups(&context, RequestOf(group), &reply).ok());
    return reply;
  }

  struct Answer {
    grpc::Status status;
    v1::SubmitGroupsReply reply;
  };
  // Any bytes in the place of a request.
  Answer SubmitBytes(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    grpc::ByteBuffer sent(&slice, 1), received;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    grpc::CompletionQueue queue;
    const auto call = raw_stub_->PrepareUnaryCall(
        &context, "/convrec.v1.ExperienceService/SubmitGroups", sent, &queue);
    Answer answer;
    call->StartCall();
    call->Finish(&received, &answer.status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    if (answer.status.ok()) {
      using Traits = grpc::SerializationTraits<v1::SubmitGroupsReply>;
      EXPECT_TRUE(Traits::Deserialize(&received, &answer.reply).ok());
    }
    return answer;
  }

  double Dropped(const std::string& reason) {
    return metrics_.AddCounter("rl_learner_samples_dropped_total", {{"reason", reason}}).value();
  }

  const absl::Duration lease_timeout_;
  std::vector<GroupLedger::SetAside> set_aside_;
  telemetry::Metrics metrics_{"test", "learner"};
  GroupLedger ledger_{{.groups_per_step = 1, .lease_timeout = lease_timeout_},
                      PromptFeed(1, 1),
                      {},
                      base::Clock::Real()};
  PromptBook prompts_{{MakePrompt()},
                      {.num_siblings = 1, .params = {.constrained = true}},
                      kIdentity.epoch,
                      absl::Minutes(5)};
  std::unique_ptr<ExperienceService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ExperienceService::Stub> stub_;
  std::unique_ptr<grpc::GenericStub> raw_stub_;
};

TEST_F(ExperienceServiceTest, WorkersLearnWhichRunItIsAndThatItIsConstrained) {
  const Joined joined = Join(JoinRequestOf("rollout-1"));
  ASSERT_TRUE(joined.status.ok());
  EXPECT_EQ(wire::FromProto(joined.reply.header())->epoch, kIdentity.epoch);
  EXPECT_TRUE(joined.reply.constrained());
  EXPECT_TRUE(joined.reply.numbered_lists());
  EXPECT_TRUE(Lease("rollout-1").sampling().constrained());
}

TEST_F(ExperienceServiceTest, AWorkerWithOtherFilesOrRulesMayNotJoin) {
  v1::JoinRequest request = JoinRequestOf("rollout-1");
  request.mutable_call()->mutable_run()->set_catalog_digest("x");
  Joined joined = Join(request);
  EXPECT_EQ(joined.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(joined.status.error_message(),
            "worker rollout-1 works with catalog x, this run uses c");
  request = JoinRequestOf("rollout-1");
  request.mutable_call()->mutable_run()->set_rules_digest("x");
  request.set_reward_rules("dcg");
  joined = Join(request);
  EXPECT_EQ(joined.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(joined.status.error_message(),
            "worker rollout-1 scores by \"dcg\", this run by \"exp_inf\"");
}

TEST_F(ExperienceServiceTest, ACallForAnotherRunIsToJoinAgainAndLeasesNothing) {
  v1::LeasePromptsRequest request;
  *request.mutable_call() = CallOf(kWorker);
  domain::RunIdentity other = kIdentity;
  ++other.epoch.run.high;
  *request.mutable_call()->mutable_run() = wire::ToProto(other);
  request.set_max_groups(1);
  grpc::ClientContext context;
  v1::LeasePromptsReply reply;
  EXPECT_EQ(stub_->LeasePrompts(&context, request, &reply).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ledger_.counts().leased, 0);
}

TEST_F(ExperienceServiceTest, LeasesOfAWorkerThatIsStartedAgainUnderItsNameAreHandedOutAtOnce) {
  const v1::Lease lost = Lease();
  ASSERT_TRUE(Join(JoinRequestOf(kWorker, 2)).status.ok());
  const v1::Lease again = Lease(kWorker, 2);
  EXPECT_EQ(again.group().prompt(), lost.group().prompt());
  EXPECT_EQ(again.attempt(), lost.attempt() + 1);
  EXPECT_EQ(ledger_.counts().expired, 0);
}

TEST_F(ExperienceServiceTest, AProcessWhoseNameAnotherHasTakenIsToldToEnd) {
  ASSERT_TRUE(Join(JoinRequestOf(kWorker, 2)).status.ok());
  v1::LeasePromptsRequest request;
  *request.mutable_call() = CallOf(kWorker, 1);
  request.set_max_groups(1);
  grpc::ClientContext context;
  v1::LeasePromptsReply reply;
  EXPECT_EQ(stub_->LeasePrompts(&context, request, &reply).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ledger_.counts().leased, 0);
}

TEST_F(ExperienceServiceTest, AListThatCouldNotHaveBeenSampledIsRefusedCountedAndLeasedAgain) {
  const v1::Lease lease = Lease();
  const v1::SubmitGroupsReply refused = Submit(lease, 5);
  EXPECT_EQ(refused.admissions(0), v1::ADMISSION_INVALID);
  EXPECT_EQ(refused.reasons(0), "token 0 is not legal");
  EXPECT_EQ(Dropped("illegal"), 1);
  EXPECT_EQ(Dropped("invalid"), 0);
  const v1::Lease again = Lease();
  EXPECT_EQ(again.group().prompt(), lease.group().prompt());
  EXPECT_EQ(Submit(again, 7).admissions(0), v1::ADMISSION_ACCEPTED);
}

TEST_F(ExperienceServiceTest, AGroupIsKnownByItsWorkerAndByHowThatComputes) {
  v1::JoinRequest again = JoinRequestOf(kWorker, 2);
  again.set_is_float32(true);
  ASSERT_TRUE(Join(again).status.ok());
  v1::SubmitGroupsRequest request = RequestOf(GroupFor(Lease(kWorker, 2)));
  *request.mutable_call() = CallOf(kWorker, 2);
  grpc::ClientContext context;
  v1::SubmitGroupsReply reply;
  ASSERT_TRUE(stub_->SubmitGroups(&context, request, &reply).ok());
  ASSERT_EQ(reply.admissions(0), v1::ADMISSION_ACCEPTED);
  const auto batch = ledger_.TakeBatch(absl::InfinitePast());
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->at(0).group.worker, kWorker);
  EXPECT_TRUE(batch->at(0).group.in_float32);
}

// The reward service will never score it: no worker can do better.
TEST_F(ExperienceServiceTest, AGroupRefusedThreeTimesIsSetAsideCountedAndAnotherTakesItsPlace) {
  const int64_t first = Lease().group().pass();
  for (int i = 0; i < 3; ++i) {
    const v1::Lease lease = i == 0 ? v1::Lease() : Lease();
    v1::SubmitGroupsRequest request;
    *request.mutable_call() = CallOf(kWorker);
    v1::RefusedGroup& refused = *request.add_refused();
    refused.mutable_group()->set_pass(first);
    refused.set_attempt(i);
    refused.set_reason("21 lists: expected at most 20");
    EXPECT_EQ(lease.attempt(), i);
    grpc::ClientContext context;
    v1::SubmitGroupsReply reply;
    ASSERT_TRUE(stub_->SubmitGroups(&context, request, &reply).ok());
  }
  EXPECT_EQ(Dropped("set_aside"), 1);
  ASSERT_EQ(set_aside_.size(), 1u);
  EXPECT_EQ(set_aside_[0].reason, "21 lists: expected at most 20");
  EXPECT_EQ(Lease().group().pass(), first + 1);  // There is one prompt: its next pass.
}

// Workers that have come for work while there is none: the fixture's one training group is leased.
class WaitingWorkersTest : public ExperienceServiceTest {
 protected:
  static constexpr int kWorkers = 200;
  using Calls = rpc::ManyCalls<v1::LeasePromptsRequest, v1::LeasePromptsReply>;

  static v1::LeasePromptsRequest RequestOf(const std::string& worker, absl::Duration wait) {
    v1::LeasePromptsRequest request;
    *request.mutable_call() = CallOf(worker);
    request.set_max_groups(1);
    request.set_wait_ms(absl::ToInt64Milliseconds(wait));
    return request;
  }

  void SetUp() override {
    ExperienceServiceTest::SetUp();
    Lease();
    for (int i = 0; i < kWorkers; ++i) {
      const std::string worker = absl::StrCat("waiting-", i);
      ASSERT_TRUE(Join(JoinRequestOf(worker)).status.ok());
      calls_.Start(RequestOf(worker, absl::Seconds(30)));
    }
    // Behind them, and answered at once.
    grpc::ClientContext context;
    v1::LeasePromptsReply reply;
    ASSERT_TRUE(
        stub_->LeasePrompts(&context, RequestOf(kWorker, absl::ZeroDuration()), &reply).ok());
    ASSERT_EQ(calls_.num_ended(), 0u);
  }
  void TearDown() override {
    server_->Shutdown(absl::ZeroDuration());
    EXPECT_TRUE(calls_.AwaitEnds(kWorkers));
  }

  Calls calls_{[this](auto* context, auto* request, auto* reply, auto done) {
    stub_->async()->LeasePrompts(context, request, reply, std::move(done));
  }};
};

TEST_F(WaitingWorkersTest, HoldNoThreadAndEachGetsAGroupOfItsOwn) {
  EXPECT_LT(rpc::NumThreadsOfProcess(), 40u);
  const std::vector<domain::Prompt> prompts(kWorkers, MakePrompt());
  ledger_.BeginEvaluation(prompts_.OpenEvaluation(&prompts, {.num_siblings = 1, .params = {}}));
  ASSERT_TRUE(calls_.AwaitEnds(kWorkers));
  std::set<int64_t> leased;
  for (const Calls::Call& call : calls_.calls()) {
    ASSERT_TRUE(call.status.ok()) << call.status.error_message();
    ASSERT_EQ(call.reply.leases_size(), 1);
    leased.insert(call.reply.leases(0).group().prompt());
  }
  EXPECT_EQ(leased.size(), static_cast<size_t>(kWorkers));
}

TEST_F(WaitingWorkersTest, OneOfThemGetsALeaseThatIsGivenBack) {
  ledger_.ReturnAllOf(kWorker);
  ASSERT_TRUE(calls_.AwaitEnds(1));
  service_->EndWaits();
  ASSERT_TRUE(calls_.AwaitEnds(kWorkers));
  int num_leases = 0;
  for (const Calls::Call& call : calls_.calls()) num_leases += call.reply.leases_size();
  EXPECT_EQ(num_leases, 1);
  EXPECT_EQ(ledger_.counts().leased, 1);
}

TEST_F(WaitingWorkersTest, AreAllToldWhenTheRunIsComplete) {
  service_->CompleteRun(absl::ZeroDuration());
  ASSERT_TRUE(calls_.AwaitEnds(kWorkers));
  for (const Calls::Call& call : calls_.calls()) EXPECT_TRUE(call.reply.run_complete());
}

TEST_F(WaitingWorkersTest, AreAnsweredAtOnceWhenTheServerIsToEnd) {
  service_->EndWaits();
  ASSERT_TRUE(calls_.AwaitEnds(kWorkers));
  for (const Calls::Call& call : calls_.calls()) {
    EXPECT_TRUE(call.status.ok());
    EXPECT_EQ(call.reply.leases_size(), 0);
    EXPECT_FALSE(call.reply.run_complete());
  }
}

class ShortLeaseTest : public ExperienceServiceTest {
 protected:
  ShortLeaseTest() : ExperienceServiceTest(absl::Milliseconds(300)) {}
};

TEST_F(ShortLeaseTest, ALeaseThatExpiresGoesToACallThatWaits) {
  const v1::Lease lost = Lease();
  const v1::Lease again = Lease();  // Waits for it: there is no other group.
  EXPECT_EQ(again.group().prompt(), lost.group().prompt());
  EXPECT_EQ(again.attempt(), lost.attempt() + 1);
  EXPECT_EQ(ledger_.counts().expired, 1);
}

// One thing wrong with a group, and what is said and counted.
struct Fault {
  const char* name;
  std::function<void(v1::RolloutGroup*)> make;
  const char* message;
  const char* reason;
};

class FaultyGroupTest : public ExperienceServiceTest, public testing::WithParamInterface<Fault> {};

// Refused with a sentence, counted, neither lost nor trained on: the same lease is answered by a
// sound group afterwards, and that one is what the next batch holds.
TEST_P(FaultyGroupTest, IsRefusedCountedAndLeasedAgain) {
  const Fault& fault = GetParam();
  const v1::Lease lease = Lease();
  v1::RolloutGroup group = GroupFor(lease);
  fault.make(&group);
  const v1::SubmitGroupsReply refused = Submit(group);
  EXPECT_EQ(refused.admissions(0), v1::ADMISSION_INVALID);
  EXPECT_THAT(refused.reasons(0), testing::HasSubstr(fault.message));
  EXPECT_EQ(Dropped(fault.reason), 1);
  EXPECT_EQ(ledger_.counts().waiting, 0);
  const v1::Lease again = Lease();
  EXPECT_EQ(again.group().prompt(), lease.group().prompt());
  EXPECT_EQ(Submit(again, 7).admissions(0), v1::ADMISSION_ACCEPTED);
  const auto batch = ledger_.TakeBatch(absl::Now() + absl::Seconds(10));
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->front().group.rollouts[0].completion.token_ids[0], 7);
  EXPECT_EQ(Submit(GroupFor(lease)).admissions(0), v1::ADMISSION_DUPLICATE);
  EXPECT_EQ(Dropped("duplicate"), 1);
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Faults,
    FaultyGroupTest,
    testing::Values(
        Fault{"NanReward",
              [](auto* g) { g->mutable_rollouts(0)->mutable_score()->set_rank_rewards(0, kNan); },
              "rank_rewards[0] is nan",
              "invalid"},
        Fault{"InfiniteReward",
              [](auto* g) {
                g->mutable_rollouts(0)->mutable_score()->set_rank_rewards(0, kInfinity);
              },
              "rank_rewards[0] is inf",
              "invalid"},
        Fault{"NanLogprob",
              [](auto* g) { g->mutable_rollouts(0)->set_sampled_logprobs(0, kNan); },
              "sampled_logprobs[0] is nan",
              "invalid"},
        Fault{"InfiniteLogprob",
              [](auto* g) { g->mutable_rollouts(0)->set_sampled_logprobs(1, -kInfinity); },
              "sampled_logprobs[1] is -inf",
              "invalid"},
        Fault{"PositiveLogprob",
              [](auto* g) { g->mutable_rollouts(0)->set_sampled_logprobs(1, 0.5F); },
              "expected a finite number <= 0",
              "invalid"},
        Fault{"TooManySiblings",
              [](auto* g) { *g->add_rollouts() = v1::Rollout(g->rollouts(0)); },
              "rollouts is 2 long: expected 1 siblings",
              "invalid"},
        Fault{"NoSiblings", [](auto* g) { g->clear_rollouts(); }, "rollouts is empty", "invalid"},
        Fault{"TokenPastTheVocabulary",
              [](auto* g) { g->mutable_rollouts(0)->set_token_ids(0, 10); },
              "token_ids[0] is 10: expected a token id below 10",
              "invalid"},
        Fault{"NegativeToken",
              [](auto* g) { g->mutable_rollouts(0)->set_token_ids(1, -3); },
              "token_ids[1] is -3",
              "invalid"},
        Fault{"NoTokens",
              [](auto* g) { g->mutable_rollouts(0)->clear_token_ids(); },
              "token_ids is empty",
              "invalid"},
        Fault{"LogprobsMissing",
              [](auto* g) { g->mutable_rollouts(0)->mutable_sampled_logprobs()->RemoveLast(); },
              "sampled_logprobs is 1 long",
              "invalid"},
        Fault{"RanksOutOfOrder",
              [](auto* g) { g->mutable_rollouts(0)->set_rank_of_token(0, 1); },
              "the first rank is not 0",
              "invalid"},
        Fault{"RewardsOfAnotherLength",
              [](auto* g) { g->mutable_rollouts(0)->mutable_score()->add_rank_rewards(0); },
              "rank_rewards",
              "invalid"},
        Fault{"UnknownFinish",
              [](auto* g) { g->mutable_rollouts(0)->set_finish_reason(v1::FinishReason(99)); },
              "finish_reason",
              "invalid"},
        Fault{"VersionFromTheFuture",
              [](auto* g) {
                auto* rollout = g->mutable_rollouts(0);
                rollout->mutable_version_runs(0)->set_num_tokens(1);
                rollout->add_version_runs()->set_version(2);
                rollout->mutable_version_runs(1)->set_num_tokens(1);
              },
              "it was drawn by a version that has not been published",
              "future"},
        Fault{"VersionsThatDescend",
              [](auto* g) {
                auto* rollout = g->mutable_rollouts(0);
                rollout->mutable_version_runs(0)->set_num_tokens(1);
                rollout->add_version_runs()->set_num_tokens(1);
              },
              "version_runs[1].version is 0: expected 2 or more",
              "invalid"},
        Fault{"VersionsOfOtherTokens",
              [](auto* g) { g->mutable_rollouts(0)->mutable_version_runs(0)->set_num_tokens(3); },
              "version_runs is of 3 tokens: expected all of 2 tokens",
              "invalid"},
        Fault{"IllegalToken",
              [](auto* g) { g->mutable_rollouts(0)->set_token_ids(0, 5); },
              "token 0 is not legal",
              "illegal"}),
    [](const auto& shown) { return shown.param.name; });

TEST_F(ExperienceServiceTest, AGroupNobodyAskedForIsADuplicate) {
  v1::RolloutGroup group = GroupFor(Lease());
  group.mutable_group()->set_pass(7);
  EXPECT_EQ(Submit(group).admissions(0), v1::ADMISSION_DUPLICATE);
  EXPECT_EQ(Dropped("duplicate"), 1);
  EXPECT_EQ(ledger_.counts().leased, 1);
}

// What cannot be read does not reach the ledger; the lease stands.
TEST_F(ExperienceServiceTest, AMessageCutAtAnyByteIsRefusedAndLosesNothing) {
  const v1::Lease lease = Lease();
  const std::string bytes = RequestOf(GroupFor(lease)).SerializeAsString();
  double unreadable = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    SCOPED_TRACE(size);
    const Answer answer = SubmitBytes(bytes.substr(0, size));
    // The header comes last: what can be read without it is of no run.
    const bool is_readable = v1::SubmitGroupsRequest().ParseFromString(bytes.substr(0, size));
    EXPECT_EQ(
        answer.status.error_code(),
        is_readable ? grpc::StatusCode::FAILED_PRECONDITION : grpc::StatusCode::INVALID_ARGUMENT);
    if (is_readable) continue;
    EXPECT_EQ(answer.status.error_message(),
              absl::StrCat("a submission of ",
                           size,
                           " bytes cannot be read: expected one whole SubmitGroupsRequest"));
    EXPECT_EQ(Dropped("unreadable"), ++unreadable);
  }
  EXPECT_GT(unreadable, 50);
  EXPECT_EQ(ledger_.counts().leased, 1);
  EXPECT_EQ(Submit(lease, 7).admissions(0), v1::ADMISSION_ACCEPTED);
}

// Two things are wrong with the group, so that no single bit makes it right.
TEST_F(ExperienceServiceTest, AMessageWithAnyBitFlippedIsAnsweredAndNeverTrainedOn) {
  v1::RolloutGroup group = GroupFor(Lease(), 10);
  group.mutable_rollouts(0)->set_rank_of_token(0, 1);
  std::string bytes = RequestOf(group).SerializeAsString();
  int refused = 0, unreadable = 0;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    SCOPED_TRACE(bit);
    const auto flip = [&] { bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8)); };
    flip();
    const Answer answer = SubmitBytes(bytes);
    flip();
    EXPECT_THAT(answer.status.error_code(),
                testing::AnyOf(grpc::StatusCode::OK,
                               grpc::StatusCode::INVALID_ARGUMENT,
                               grpc::StatusCode::ALREADY_EXISTS,
                               grpc::StatusCode::FAILED_PRECONDITION));
    for (const int admission : answer.reply.admissions()) {
      EXPECT_NE(admission, v1::ADMISSION_ACCEPTED);
      refused += admission == v1::ADMISSION_INVALID;
    }
    // The others are of a worker with other digests than the run.
    unreadable += answer.status.error_message().find("cannot be read") != std::string::npos;
    EXPECT_EQ(ledger_.counts().waiting, 0);
  }
  EXPECT_GT(refused, 100);
  EXPECT_EQ(Dropped("unreadable"), unreadable);
  EXPECT_GT(unreadable, 50);
  EXPECT_EQ(Submit(Lease(), 7).admissions(0), v1::ADMISSION_ACCEPTED);
}

}  // namespace
}  // namespace convrec::learner
