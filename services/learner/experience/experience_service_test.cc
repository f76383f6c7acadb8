// The service over a real connection: what it tells workers, and what it refuses.
#include "services/learner/experience/experience_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/wire/rollout.h"
#include "proto/experience.grpc.pb.h"

namespace convrec::learner {
namespace {

class ExperienceServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    ExperienceService::Options options{
        .run = "test", .catalog_digest = "c", .tokenizer_digest = "t"};
    options.num_ranks = 1;
    options.vocab_size = 10;
    options.constrained = true;
    options.numbered_lists = true;
    options.check_group = [](const domain::Lease& lease, const domain::RolloutGroup& group) {
      EXPECT_TRUE(lease.sampling.constrained);
      EXPECT_EQ(lease.prompt.seen_titles, std::vector<std::string>{"Up"});
      return group.rollouts[0].completion.token_ids[0] == 7
                 ? absl::OkStatus()
                 : absl::InvalidArgumentError("token 0 is not legal");
    };
    service_ = ExperienceService::Create(options, &ledger_, &prompts_, &metrics_);
    auto server = rpc::Server::Start("127.0.0.1:0", {service_->service()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::ExperienceService::NewStub(rpc::MakeChannel(server_->address()));
    ledger_.Publish({1});
    ledger_.AllowTraining(4);
  }

  static domain::Prompt MakePrompt() {
    domain::Prompt prompt;
    prompt.token_ids = {1};
    prompt.ground_truth = {{"Heat", 1995}};
    prompt.seen_titles = {"Up"};
    return prompt;
  }

  v1::Lease Lease() {
    grpc::ClientContext context;
    v1::LeasePromptsRequest request;
    request.set_epoch(1);
    request.set_max_groups(1);
    request.set_wait_ms(10000);
    v1::LeasePromptsReply reply;
    EXPECT_TRUE(stub_->LeasePrompts(&context, request, &reply).ok());
    return reply.leases_size() == 1 ? reply.leases(0) : v1::Lease();
  }

  v1::SubmitGroupsReply Submit(const v1::Lease& lease, int32_t token_id) {
    domain::Rollout rollout;
    rollout.completion = {.token_ids = {token_id, 2},
                          .sampled_logprobs = {-1, 0},
                          .finish_reason = domain::FinishReason::kStop,
                          .min_version = {1},
                          .max_version = {1}};
    rollout.rank_of_token = {0, domain::kEndUnit};
    rollout.score.rank_rewards = {0};
    const domain::RolloutGroup group{.group = {lease.group().pass(), lease.group().prompt()},
                                     .attempt = lease.attempt(),
                                     .epoch = {1},
                                     .rollouts = {rollout}};
    grpc::ClientContext context;
    v1::SubmitGroupsRequest request;
    request.set_epoch(1);
    *request.add_groups() = wire::ToProto(group);
    v1::SubmitGroupsReply reply;
    EXPECT_TRUE(stub_->SubmitGroups(&context, request, &reply).ok());
    return reply;
  }

  double Dropped(const std::string& reason) {
    return metrics_
        .AddCounter("rl_learner_samples_dropped_total",
                    "Groups not trained on, by reason.",
                    {{"reason", reason}})
        .value();
  }

  telemetry::Metrics metrics_{"test", "learner"};
  GroupLedger ledger_{{.groups_per_step = 1}, PromptFeed(1, 1), {}, base::Clock::Real()};
  PromptBook prompts_{{MakePrompt()},
                      {.num_siblings = 1, .params = {.constrained = true}},
                      domain::RunEpoch{1},
                      absl::Minutes(5)};
  std::unique_ptr<ExperienceService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ExperienceService::Stub> stub_;
};

TEST_F(ExperienceServiceTest, WorkersLearnThatTheRunIsConstrained) {
  grpc::ClientContext context;
  v1::JoinRequest request;
  request.set_catalog_digest("c");
  request.set_tokenizer_digest("t");
  v1::JoinReply reply;
  ASSERT_TRUE(stub_->Join(&context, request, &reply).ok());
  EXPECT_TRUE(reply.constrained());
  EXPECT_TRUE(reply.numbered_lists());
  EXPECT_TRUE(Lease().sampling().constrained());
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

}  // namespace
}  // namespace convrec::learner
