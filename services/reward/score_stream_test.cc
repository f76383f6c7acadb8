// ScoreStream as a client sees it.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/base/random.h"
#include "libs/rpc/call.h"
#include "proto/reward.grpc.pb.h"
#include "services/reward/reward_service.h"
#include "services/reward/testing/fake_observer.h"

namespace convrec::reward {
namespace {

using ::testing::HasSubstr;

class ScoreStreamTest : public ::testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::ScoreStreamRequest, v1::ScoreStreamReply>;

  ScoreStreamTest() { Start({.num_threads = 1}); }
  ~ScoreStreamTest() override { server_->Shutdown(); }

  void Start(const RewardService::Options& options) {
    if (server_ != nullptr) server_->Shutdown();
    stub_.reset();
    server_.reset();
    service_ = std::make_unique<RewardService>(&scorer_, nullptr, options, &observer_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_->service());
    server_ = builder.BuildAndStart();
    stub_ = v1::RewardService::NewStub(server_->InProcessChannel({}));
  }

  std::unique_ptr<Stream> Open(grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return stub_->ScoreStream(context);
  }

  static v1::ScoreStreamRequest PromptFor(int num_lists) {
    v1::ScoreStreamRequest request;
    v1::StreamPrompt* prompt = request.mutable_prompt();
    prompt->add_ground_truth()->set_title("a");
    prompt->mutable_ground_truth(0)->set_year(1998);
    prompt->add_seen_titles("B");
    prompt->set_num_lists(num_lists);
    return request;
  }
  static v1::ScoreStreamRequest Piece(int list, const std::string& text, bool is_last = false) {
    v1::ScoreStreamRequest request;
    request.mutable_piece()->set_list(list);
    request.mutable_piece()->set_text(text);
    request.mutable_piece()->set_is_last(is_last);
    return request;
  }

  // The status of a stream that is sent `requests` and then nothing more.
  grpc::Status EndOf(const std::vector<v1::ScoreStreamRequest>& requests) {
    grpc::ClientContext context;
    const auto stream = Open(&context);
    // A client that only writes waits for ever once its answers have filled the way.
    std::thread writer([&] {
      for (const v1::ScoreStreamRequest& request : requests) {
        if (!stream->Write(request)) break;
      }
      stream->WritesDone();
    });
    v1::ScoreStreamReply reply;
    while (stream->Read(&reply)) {
    }
    writer.join();
    return stream->Finish();
  }

  const catalog::Catalog catalog_ =
      *catalog::Catalog::FromItems({{{"A", 1999}, {}, 0}, {{"B", 2000}, {}, 0}}, "test");
  LiveScorer scorer_{*scoring::ListScorer::Create(catalog_, {.num_ranks = 3})};
  FakeObserver observer_;
  std::unique_ptr<RewardService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::RewardService::Stub> stub_;
};

TEST_F(ScoreStreamTest, ARankIsAnsweredBeforeItsListEnds) {
  grpc::ClientContext context;
  const auto stream = Open(&context);
  ASSERT_TRUE(stream->Write(PromptFor(1)));
  ASSERT_TRUE(stream->Write(Piece(0, "A (19")));
  ASSERT_TRUE(stream->Write(Piece(0, "99)\nB")));
  v1::ScoreStreamReply reply;
  ASSERT_TRUE(stream->Read(&reply));  // The list is still open.
  EXPECT_EQ(reply.rank().list(), 0);
  EXPECT_EQ(reply.rank().rank(), 0);
  EXPECT_EQ(reply.rank().line().outcome(), v1::LINE_OUTCOME_HIT);
  EXPECT_EQ(reply.rank().reward(), 1);
  EXPECT_EQ(reply.catalog_digest(), catalog_.digest());
  ASSERT_TRUE(stream->Write(Piece(0, " (2000)", true)));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.rank().line().seen());
  ASSERT_TRUE(stream->Read(&reply));
  ASSERT_TRUE(reply.has_result());
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

// Lists in random pieces, in random interleaving: the result is the unary answer, and the ranks
// answered on the way are its lines.
TEST_F(ScoreStreamTest, TheResultIsTheUnaryAnswer) {
  base::RandomStream random(31, 0);
  const char* const parts[] = {"A (1999)", "\n", "B (2000)", "x", " (", "\xff", "1. ", "\n\n"};
  for (int round = 0; round < 50; ++round) {
    const int num_lists = 1 + static_cast<int>(random.Below(4));
    std::vector<std::string> texts(static_cast<size_t>(num_lists));
    for (std::string& text : texts) {
      for (uint64_t i = random.Below(20); i > 0; --i) text += parts[random.Below(8)];
    }
    v1::ScoreGroupRequest request;
    *request.mutable_ground_truth() = PromptFor(1).prompt().ground_truth();
    *request.mutable_seen_titles() = PromptFor(1).prompt().seen_titles();
    for (const std::string& text : texts) request.add_completions(text);
    v1::ScoreGroupReply unary;
    grpc::ClientContext unary_context;
    ASSERT_TRUE(stub_->ScoreGroup(&unary_context, request, &unary).ok());

    grpc::ClientContext context;
    const auto stream = Open(&context);
    std::thread writer([&] {
      stream->Write(PromptFor(num_lists));
      std::vector<size_t> sent(texts.size());
      for (size_t num_open = texts.size(); num_open > 0;) {
        const size_t list = random.Below(texts.size());
        if (sent[list] > texts[list].size()) continue;
        const size_t size = random.Below(10);
        const bool is_last = sent[list] + size >= texts[list].size() && random.Below(2) == 0;
        stream->Write(
            Piece(static_cast<int>(list),
                  sent[list] < texts[list].size() ? texts[list].substr(sent[list], size) : "",
                  is_last));
        sent[list] = std::min(sent[list] + size, texts[list].size());
        if (is_last) {
          sent[list] = texts[list].size() + 1;
          --num_open;
        }
      }
      stream->WritesDone();
    });
    v1::ScoreGroupReply from_ranks;
    for (int i = 0; i < num_lists; ++i) from_ranks.add_scores();
    v1::ScoreStreamReply reply;
    v1::ScoreGroupReply result;
    while (stream->Read(&reply)) {
      if (reply.has_result()) {
        result = reply.result();
      } else {
        *from_ranks.mutable_scores(reply.rank().list())->add_lines() = reply.rank().line();
      }
    }
    writer.join();
    ASSERT_TRUE(stream->Finish().ok());
    using google::protobuf::util::MessageDifferencer;
    ASSERT_TRUE(MessageDifferencer::Equals(result, unary));
    for (int i = 0; i < num_lists; ++i) {
      ASSERT_EQ(from_ranks.scores(i).lines_size(), unary.scores(i).lines_size());
      for (int k = 0; k < unary.scores(i).lines_size(); ++k) {
        ASSERT_TRUE(
            MessageDifferencer::Equals(from_ranks.scores(i).lines(k), unary.scores(i).lines(k)));
      }
    }
  }
}

TEST_F(ScoreStreamTest, WrongMessagesEndTheStreamWithASentence) {
  Start({.num_threads = 1, .limits = {.max_lists = 4, .max_lines = 3, .max_list_bytes = 20}});
  v1::ScoreStreamRequest other_catalog = PromptFor(1);
  other_catalog.mutable_prompt()->set_catalog_digest("0123");
  v1::ScoreStreamRequest no_truth = PromptFor(1);
  no_truth.mutable_prompt()->clear_ground_truth();
  const struct {
    std::vector<v1::ScoreStreamRequest> requests;
    std::string message;
  } cases[] = {
      {{}, "the stream ended before its lists"},
      {{Piece(0, "A")}, "the first message has no prompt"},
      {{PromptFor(1), PromptFor(1)}, "a message has no piece"},
      {{PromptFor(0)}, "num_lists is 0: expected an integer from 1 to 4"},
      {{PromptFor(5)}, "num_lists is 5: expected an integer from 1 to 4"},
      {{no_truth}, "ground_truth is empty"},
      {{PromptFor(1), Piece(1, "A")}, "piece.list is 1: expected an integer from 0 to 0"},
      {{PromptFor(2), Piece(0, "", true), Piece(0, "A")}, "piece.list is 0: this list has ended"},
      {{PromptFor(1), Piece(0, "A (1999)\n")}, "the stream ended before its lists: 1 are open"},
      {{PromptFor(1), Piece(0, "123456789\n"), Piece(0, "12345678901")}, "lists[0] has 21 bytes"},
      {{PromptFor(1), Piece(0, "\n\n"), Piece(0, "\n")}, "lists[0] has 3 line breaks"},
  };
  for (const auto& c : cases) {
    const grpc::Status status = EndOf(c.requests);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << c.message;
    EXPECT_THAT(status.error_message(), HasSubstr(c.message));
  }
  EXPECT_EQ(EndOf({other_catalog}).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  observer_.AwaitStreamEnds(std::size(cases) + 1);
  EXPECT_EQ(observer_.load().streams, 0);
  EXPECT_EQ(observer_.load().held_bytes, 0);
}

TEST_F(ScoreStreamTest, StreamsBeyondTheLimitAreRefusedWithATimeToRetry) {
  Start({.num_threads = 1, .admission = {.max_streams = 1}});
  grpc::ClientContext first_context;
  const auto first = Open(&first_context);
  ASSERT_TRUE(first->Write(PromptFor(1)));
  ASSERT_TRUE(first->Write(Piece(0, "A (1999)\n")));
  v1::ScoreStreamReply reply;
  ASSERT_TRUE(first->Read(&reply));  // The first stream is admitted.
  grpc::ClientContext context;
  const auto second = Open(&context);
  EXPECT_FALSE(second->Read(&reply));
  EXPECT_EQ(second->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(context.GetServerTrailingMetadata().count(rpc::kRetryAfterTrailer), 1u);
  ASSERT_TRUE(first->Write(Piece(0, "", true)));
  while (first->Read(&reply)) {
  }
  EXPECT_TRUE(first->Finish().ok());
}

TEST_F(ScoreStreamTest, TextThatFindsNoRoomEndsItsStreamAlone) {
  Start({.num_threads = 1, .admission = {.max_held_bytes = 8192}});
  EXPECT_EQ(EndOf({PromptFor(1), Piece(0, std::string(9000, 'x'))}).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(EndOf({PromptFor(1), Piece(0, "A (1999)", true)}).ok());
}

TEST_F(ScoreStreamTest, AStreamThatStandsStillIsEnded) {
  Start({.num_threads = 1, .stream_idle_timeout = absl::Milliseconds(40)});
  grpc::ClientContext context;
  const auto stream = Open(&context);
  ASSERT_TRUE(stream->Write(PromptFor(1)));
  v1::ScoreStreamReply reply;
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  observer_.AwaitStreamEnds(1);
  EXPECT_EQ(observer_.load().streams, 0);
}

TEST_F(ScoreStreamTest, AStreamThatIsGivenUpLeavesNothing) {
  {
    grpc::ClientContext context;
    const auto stream = Open(&context);
    ASSERT_TRUE(stream->Write(PromptFor(1)));
    ASSERT_TRUE(stream->Write(Piece(0, "A (1999)\n")));
    v1::ScoreStreamReply reply;
    ASSERT_TRUE(stream->Read(&reply));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  observer_.AwaitStreamEnds(1);
  EXPECT_EQ(observer_.load().held_bytes, 0);
  EXPECT_EQ(observer_.num_lists(), 0u);
}

TEST_F(ScoreStreamTest, AStreamKeepsItsCatalog) {
  grpc::ClientContext context;
  const auto stream = Open(&context);
  ASSERT_TRUE(stream->Write(PromptFor(1)));
  ASSERT_TRUE(stream->Write(Piece(0, "A (1999)\n")));
  v1::ScoreStreamReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  const catalog::Catalog next = *catalog::Catalog::FromItems({{{"C", 2001}, {}, 0}}, "next");
  scorer_.Set(*scoring::ListScorer::Create(next, {.num_ranks = 3}));
  ASSERT_TRUE(stream->Write(Piece(0, "A (1999)", true)));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.rank().line().outcome(), v1::LINE_OUTCOME_DUPLICATE);
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.result().catalog_digest(), catalog_.digest());
}

}  // namespace
}  // namespace convrec::reward
