// The service over a real connection: how workers wait for versions and for plans.
#include "services/learner/publish/policy_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/rpc/testing/many_calls.h"
#include "libs/wire/run_header.h"
#include "proto/policy.grpc.pb.h"

namespace convrec::learner {
namespace {

const domain::RunIdentity kIdentity{.epoch = {.value = 1, .run = {.high = 2, .low = 3}}};
constexpr int kWorkers = 200;

std::shared_ptr<const weights::Snapshot> SnapshotOf(int64_t version) {
  auto snapshot = std::make_shared<weights::Snapshot>();
  snapshot->manifest.epoch = kIdentity.epoch;
  snapshot->manifest.version.value = version;
  snapshot->manifest.digest = absl::StrCat("digest-", version);
  return snapshot;
}

class PolicyServiceTest : public testing::Test {
 protected:
  using Waits = rpc::ManyCalls<v1::WaitForVersionRequest, v1::WaitForVersionReply>;
  using Plans = rpc::ManyCalls<v1::PlanTransferRequest, v1::PlanTransferReply>;

  PolicyServiceTest() {
    service_ = PolicyService::Create(&store_, nullptr, nullptr, kIdentity, {.fanout = 1}, {});
    auto server = rpc::Server::Start("127.0.0.1:0", service_->services());
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::PolicyService::NewStub(rpc::MakeChannel(server_->address()));
  }
  ~PolicyServiceTest() override {
    server_->Shutdown(absl::ZeroDuration());
    EXPECT_TRUE(waits_.AwaitEnds(waits_.calls().size()));
    EXPECT_TRUE(plans_.AwaitEnds(plans_.calls().size()));
  }

  static v1::CallHeader CallOf(int worker) {
    v1::CallHeader call;
    *call.mutable_run() = wire::ToProto(kIdentity);
    call.set_worker(absl::StrCat("w", worker));
    call.set_instance(1);
    return call;
  }
  void Wait(int worker, int64_t held) {
    v1::WaitForVersionRequest request;
    *request.mutable_call() = CallOf(worker);
    request.set_held_version(held);
    request.set_wait_ms(30000);
    waits_.Start(request);
  }
  Plans::Call& Plan(int worker) {
    v1::PlanTransferRequest request;
    *request.mutable_call() = CallOf(worker);
    request.set_version(1);
    request.set_relay_port(1000 + worker);
    request.set_wait_ms(30000);
    return plans_.Start(request);
  }
  // Behind what was started before, and answered at once.
  void Settle() {
    v1::WaitForVersionRequest request;
    *request.mutable_call() = CallOf(0);
    grpc::ClientContext context;
    v1::WaitForVersionReply reply;
    EXPECT_TRUE(stub_->WaitForVersion(&context, request, &reply).ok());
  }
  void Report(int worker) {
    v1::ReportWeightsRequest request;
    *request.mutable_call() = CallOf(worker);
    request.set_version(1);
    request.set_digest("digest-1");
    request.set_stage(v1::ReportWeightsRequest::STAGE_VERIFIED);
    grpc::ClientContext context;
    v1::ReportWeightsReply reply;
    EXPECT_TRUE(stub_->ReportWeights(&context, request, &reply).ok());
    EXPECT_TRUE(reply.digest_matches());
  }

  PolicyStore store_{1};
  std::unique_ptr<PolicyService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::PolicyService::Stub> stub_;
  Waits waits_{[this](auto* context, auto* request, auto* reply, auto done) {
    stub_->async()->WaitForVersion(context, request, reply, std::move(done));
  }};
  Plans plans_{[this](auto* context, auto* request, auto* reply, auto done) {
    stub_->async()->PlanTransfer(context, request, reply, std::move(done));
  }};
};

TEST_F(PolicyServiceTest, WorkersThatWaitForAVersionHoldNoThreadAndAllGetIt) {
  store_.Publish(SnapshotOf(0));
  for (int i = 0; i < kWorkers; ++i) Wait(i, 0);
  Settle();
  EXPECT_EQ(waits_.num_ended(), 0u);
  EXPECT_LT(rpc::NumThreadsOfProcess(), 40u);
  store_.Publish(SnapshotOf(1));
  ASSERT_TRUE(waits_.AwaitEnds(kWorkers));
  for (const Waits::Call& call : waits_.calls()) {
    ASSERT_TRUE(call.status.ok()) << call.status.error_message();
    EXPECT_EQ(call.reply.manifest().version(), 1);
  }
}

TEST_F(PolicyServiceTest, WorkersThatWaitAreAnsweredAtOnceWhenTheServerIsToEnd) {
  for (int i = 0; i < kWorkers; ++i) Wait(i, 0);
  service_->EndWaits();
  ASSERT_TRUE(waits_.AwaitEnds(kWorkers));
  for (const Waits::Call& call : waits_.calls()) {
    EXPECT_TRUE(call.status.ok());
    EXPECT_FALSE(call.reply.has_snapshot());
  }
}

TEST_F(PolicyServiceTest, ACallForAnotherRunIsToJoinAgain) {
  v1::WaitForVersionRequest request;
  *request.mutable_call() = CallOf(0);
  request.mutable_call()->mutable_run()->set_start(7);
  request.set_wait_ms(30000);
  Waits::Call& call = waits_.Start(request);
  ASSERT_TRUE(waits_.AwaitEnds(1));
  EXPECT_EQ(call.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(PolicyServiceTest, APlanForAVersionThatIsNoLongerKeptIsNotFound) {
  store_.Publish(SnapshotOf(2));
  const Plans::Call& call = Plan(0);
  ASSERT_TRUE(plans_.AwaitEnds(1));
  EXPECT_EQ(call.status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(PolicyServiceTest, AReaderGetsAllBytesFromItsOffsetInChunks) {
  auto snapshot = std::make_shared<weights::Snapshot>();
  snapshot->manifest.version.value = 1;
  snapshot->bytes = weights::ByteBuffer((3 << 20) + 5);
  for (size_t i = 0; i < snapshot->bytes.size(); ++i)
    snapshot->bytes.data()[i] = static_cast<char>(i * 31 >> 3);
  store_.Publish(snapshot);
  for (const size_t offset : {size_t{0}, size_t{1000}, snapshot->bytes.size()}) {
    v1::FetchWeightsRequest request;
    *request.mutable_call() = CallOf(0);
    request.set_version(1);
    request.set_offset(offset);
    grpc::ClientContext context;
    const auto reader = v1::WeightService::NewStub(rpc::MakeChannel(server_->address()))
                            ->FetchWeights(&context, request);
    std::string bytes;
    int num_headers = 0;
    v1::WeightChunk chunk;
    while (reader->Read(&chunk)) {
      EXPECT_EQ(chunk.offset(), offset + bytes.size());
      bytes += chunk.data();
      num_headers += chunk.has_header() && chunk.has_run();
    }
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(num_headers, 1);
    EXPECT_TRUE(bytes == snapshot->bytes.view().substr(offset));
  }
}

// The worker that is fetching has the only place, and goes away in the middle.
TEST_F(PolicyServiceTest, AReaderThatGoesAwayGivesItsPlaceToOneThatWaits) {
  auto snapshot = std::make_shared<weights::Snapshot>();
  snapshot->manifest.version.value = 1;
  snapshot->bytes = weights::ByteBuffer(64 << 20);
  store_.Publish(snapshot);
  Plan(0);
  ASSERT_TRUE(plans_.AwaitEnds(1));
  const Plans::Call& waiting = Plan(1);
  {
    v1::FetchWeightsRequest request;
    *request.mutable_call() = CallOf(0);
    request.set_version(1);
    grpc::ClientContext context;
    const auto reader = v1::WeightService::NewStub(rpc::MakeChannel(server_->address()))
                            ->FetchWeights(&context, request);
    v1::WeightChunk chunk;
    ASSERT_TRUE(reader->Read(&chunk));
    EXPECT_FALSE(plans_.HasEnded(waiting));
    context.TryCancel();
    EXPECT_FALSE(reader->Finish().ok());
  }
  ASSERT_TRUE(plans_.AwaitEnds(2));
  EXPECT_EQ(waiting.reply.source(), v1::PlanTransferReply::SOURCE_LEARNER);
}

// With a fanout of 1: each worker that has verified the version lets the learner send one more on.
TEST_F(PolicyServiceTest, WorkersThatWaitForAPlanHoldNoThreadAndEachGetsOneAsPlacesComeFree) {
  store_.Publish(SnapshotOf(1));
  const Plans::Call& first = Plan(0);
  ASSERT_TRUE(plans_.AwaitEnds(1));
  EXPECT_EQ(first.reply.source(), v1::PlanTransferReply::SOURCE_LEARNER);
  for (int i = 1; i <= kWorkers; ++i) Plan(i);
  Settle();
  EXPECT_EQ(plans_.num_ended(), 1u);
  EXPECT_LT(rpc::NumThreadsOfProcess(), 40u);
  // Those that have a plan verify what they have fetched, until all have.
  std::map<std::string, int> readers;
  std::set<int> verified;
  while (verified.size() <= kWorkers) {
    ASSERT_TRUE(plans_.AwaitEnds(verified.size() + 1));
    for (int worker = 0; worker <= kWorkers; ++worker) {
      const Plans::Call& call = plans_.calls()[static_cast<size_t>(worker)];
      if (!plans_.HasEnded(call) || !verified.insert(worker).second) continue;
      ASSERT_TRUE(call.status.ok()) << call.status.error_message();
      ++readers[call.reply.address()];
      Report(worker);
    }
  }
  EXPECT_GT(readers.size(), 1u);  // Not from the learner alone.
}

}  // namespace
}  // namespace convrec::learner
