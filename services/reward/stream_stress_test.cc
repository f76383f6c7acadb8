// A thousand streams at a time on loopback, most of them badly behaved: some do not read their
// answers, some are given up, some belong to connections that break in the middle of a message.
#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/rpc/server.h"
#include "proto/reward.grpc.pb.h"
#include "services/reward/reward_service.h"
#include "services/reward/testing/fake_observer.h"

namespace convrec::reward {
namespace {

constexpr int kFast = 600;
constexpr int kSlow = 100;  // Their answers are larger than what lies in buffers on the way.
constexpr int kGivenUp = 150;
constexpr int kHalfSent = 150;
constexpr int kFastLines = 40;
constexpr int kSlowLines = 1000;
constexpr int64_t kMaxHeldBytes = 96 << 20;
constexpr int64_t kMaxGrowthBytes = 256 << 20;  // Clients included.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsMemoryOurs = false;  // Sanitizers keep freed memory.
#elif defined(__has_feature)
constexpr bool kIsMemoryOurs =
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
constexpr bool kIsMemoryOurs = true;
#endif

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  file >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::string Lines(int num_lines) {
  std::string text;
  for (int i = 0; i < num_lines; ++i) absl::StrAppend(&text, "A film without a name (1999)\n");
  return text;
}

// What the clients have reached together.
class Progress final {
 public:
  void Add(int Progress::*count) {
    absl::MutexLock lock(&mu_);
    ++(this->*count);
  }
  void Await(int Progress::*count, int target) {
    absl::MutexLock lock(&mu_);
    const auto reached = [&] { return this->*count >= target; };
    mu_.Await(absl::Condition(&reached));
  }

  int open = 0;   // Streams with a first answer.
  int ended = 0;  // Streams that are over.

 private:
  absl::Mutex mu_;
};

// A client of one list: sends its first line, waits for its rank, waits for Go(), sends the rest in
// small pieces and reads. A slow one does not read until GoOnReading().
class Client final : public grpc::ClientBidiReactor<v1::ScoreStreamRequest, v1::ScoreStreamReply> {
 public:
  Client(v1::RewardService::Stub* stub, const std::string& text, Progress* progress)
      : progress_(progress), text_(text) {
    stub->async()->ScoreStream(&context_, this);
    AddHold();  // For Go().
    request_.mutable_prompt()->add_ground_truth()->set_title("A");
    request_.mutable_prompt()->set_num_lists(1);
    StartWrite(&request_);
    StartRead(&reply_);
    StartCall();
  }

  void Go(bool reads) {
    WriteNext();
    if (reads) StartRead(&reply_);
    if (reads) RemoveHold();
  }
  void GoOnReading() {
    StartRead(&reply_);
    RemoveHold();
  }
  void GiveUp() {
    context_.TryCancel();
    RemoveHold();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return;
    // The prompt is followed by the first line at once; the first line's answer comes before Go().
    if (++num_written_ != 2) WriteNext();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (reply_.has_result()) {
      ++num_results;
      num_lines = reply_.result().scores(0).lines_size();
    } else {
      ++num_ranks;
    }
    if (num_ranks == 1 && num_results == 0) {
      progress_->Add(&Progress::open);  // Reads on after Go().
      return;
    }
    StartRead(&reply_);
  }
  void OnDone(const grpc::Status& status) override {
    code = status.error_code();
    message = status.error_message();
    progress_->Add(&Progress::ended);
  }

  // Read after the end.
  grpc::StatusCode code = grpc::StatusCode::DO_NOT_USE;
  std::string message;
  int num_results = 0;
  int num_ranks = 0;
  int num_lines = 0;

 private:
  void WriteNext() {
    if (sent_ == text_.size()) return;
    // The first piece is the first line; later ones end anywhere.
    const size_t size =
        sent_ == 0 ? text_.find('\n') + 1 : std::min<size_t>(97, text_.size() - sent_);
    request_.Clear();
    request_.mutable_piece()->set_text(text_.substr(sent_, size));
    sent_ += size;
    request_.mutable_piece()->set_is_last(sent_ == text_.size());
    StartWrite(&request_);
  }

  Progress* const progress_;
  const std::string text_;
  grpc::ClientContext context_;
  v1::ScoreStreamRequest request_;
  v1::ScoreStreamReply reply_;
  size_t sent_ = 0;
  int num_written_ = 0;
};

// A connection that opens a stream by hand and sends 10 of the 1,000 bytes of its first message.
class HalfSender final {
 public:
  explicit HalfSender(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    bytes += Frame(/*type=*/4, /*flags=*/0, /*stream=*/0, "");  // SETTINGS
    // HPACK: indexed fields of the static table, then literals.
    std::string headers = "\x83\x86";  // :method POST, :scheme http
    headers += "\x04" + Text("/convrec.v1.RewardService/ScoreStream") + "\x01" + Text("localhost");
    headers += std::string(1, '\0') + Text("content-type") + Text("application/grpc");
    headers += std::string(1, '\0') + Text("te") + Text("trailers");
    bytes += Frame(/*type=*/1, /*flags=*/4, /*stream=*/1, headers);  // HEADERS, complete
    bytes += Frame(
        /*type=*/0, /*flags=*/0, /*stream=*/1, std::string("\0\0\0\x03\xe8", 5) + "0123456789");
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  ~HalfSender() { ::close(socket_); }
  HalfSender(const HalfSender&) = delete;
  HalfSender& operator=(const HalfSender&) = delete;

 private:
  static std::string Text(const std::string& text) {
    return std::string(1, static_cast<char>(text.size())) + text;
  }
  static std::string Frame(int type, int flags, int stream, const std::string& payload) {
    const auto byte = [](size_t value) { return static_cast<char>(value & 0xff); };
    std::string frame = {
        byte(payload.size() >> 16), byte(payload.size() >> 8), byte(payload.size())};
    frame +=
        {static_cast<char>(type), static_cast<char>(flags), 0, 0, 0, static_cast<char>(stream)};
    return frame + payload;
  }

  const int socket_;
};

TEST(StreamStressTest, AThousandStreamsOfAllKindsAreAnsweredOnceInBoundedMemory) {
  const catalog::Catalog catalog = *catalog::Catalog::FromItems({{{"A", 1999}, {}, 0}}, "test");
  LiveScorer scorer(*scoring::ListScorer::Create(catalog, {}));
  FakeObserver observer;
  RewardService service(
      &scorer,
      nullptr,
      {.num_threads = 1, .admission = {.max_streams = 1000, .max_held_bytes = kMaxHeldBytes}},
      &observer);
  auto server = rpc::Server::Start("127.0.0.1:0", {service.service()});
  ASSERT_TRUE(server.ok()) << server.status();

  std::vector<std::unique_ptr<v1::RewardService::Stub>> stubs;
  for (int i = 0; i < 10; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // A connection each.
    stubs.push_back(v1::RewardService::NewStub(grpc::CreateCustomChannel(
        (*server)->address(), grpc::InsecureChannelCredentials(), arguments)));
  }
  const int64_t resident_before = ResidentBytes();
  Progress progress;
  const auto start = [&](int count, int num_lines) {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<Client>(
          stubs[static_cast<size_t>(i) % stubs.size()].get(), Lines(num_lines), &progress));
    }
    return clients;
  };
  const auto fast = start(kFast, kFastLines);
  const auto slow = start(kSlow, kSlowLines);
  const auto given_up = start(kGivenUp, kFastLines);
  std::vector<std::unique_ptr<HalfSender>> half_senders;
  for (int i = 0; i < kHalfSent; ++i) {
    half_senders.push_back(std::make_unique<HalfSender>((*server)->port()));
  }
  progress.Await(&Progress::open, kFast + kSlow + kGivenUp);
  while (observer.load().streams < 1000) std::this_thread::yield();

  for (const auto& client : slow) client->Go(/*reads=*/false);
  for (const auto& client : given_up) client->GiveUp();
  half_senders.clear();  // Their connections break.
  for (const auto& client : fast) client->Go(/*reads=*/true);
  progress.Await(&Progress::ended, kFast + kGivenUp);
  observer.AwaitStreamEnds(kFast + kGivenUp + kHalfSent);
  const int64_t growth = ResidentBytes() - resident_before;
  for (const auto& client : slow) client->GoOnReading();
  progress.Await(&Progress::ended, kFast + kGivenUp + kSlow);
  observer.AwaitStreamEnds(1000);

  const auto check = [](const std::vector<std::unique_ptr<Client>>& clients, int num_lines) {
    for (const auto& client : clients) {
      ASSERT_EQ(client->code, grpc::StatusCode::OK) << client->message;
      ASSERT_EQ(client->num_results, 1);
      ASSERT_EQ(client->num_ranks, num_lines);
      ASSERT_EQ(client->num_lines, num_lines);
    }
  };
  check(fast, kFastLines);
  check(slow, kSlowLines);
  for (const auto& client : given_up) EXPECT_EQ(client->code, grpc::StatusCode::CANCELLED);
  EXPECT_EQ(observer.num_lists(), static_cast<size_t>(kFast + kSlow));
  EXPECT_LE(observer.max_held_bytes(), kMaxHeldBytes);
  EXPECT_EQ(observer.load().streams, 0);
  EXPECT_EQ(observer.load().held_bytes, 0);
  if (kIsMemoryOurs) {
    EXPECT_LT(growth, kMaxGrowthBytes);
  }
  RecordProperty("growth_bytes", std::to_string(growth));
  (*server)->Shutdown(absl::Seconds(1));
}

}  // namespace
}  // namespace convrec::reward
