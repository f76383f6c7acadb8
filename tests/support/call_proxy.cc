#include "tests/support/call_proxy.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "libs/base/check.h"
#include "libs/base/random.h"
#include "libs/rpc/channel.h"
#include "proto/experience.grpc.pb.h"

namespace convrec::testing {

class CallProxy::Impl final : public grpc::CallbackGenericService {
 public:
  Impl(const std::string& target, const Options& options)
      : options_(options), random_(options.seed, 0), stub_(rpc::MakeChannel(target)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(this);
    builder.SetMaxReceiveMessageSize(-1);
    server_ = builder.BuildAndStart();
    CR_CHECK(server_ != nullptr);
  }

  ~Impl() override {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    std::list<std::thread> threads;
    {
      const std::lock_guard lock(mu_);
      threads.swap(threads_);
    }
    for (std::thread& thread : threads) thread.join();
  }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(this, context);
  }

  void StopShifting() { shifts_ = false; }
  int port() const { return port_; }
  int64_t num_calls() const { return num_calls_; }
  int64_t num_duplicated() const { return num_duplicated_; }
  int64_t num_accepted() const {
    const std::lock_guard lock(mu_);
    return static_cast<int64_t>(accepted_.size());
  }
  int64_t num_accepted_again() const {
    const std::lock_guard lock(mu_);
    return std::count_if(
        accepted_.begin(), accepted_.end(), [](const auto& entry) { return entry.second > 1; });
  }

 private:
  struct Fate {
    bool is_duplicated = false;
    int delay_ms[3] = {0, 0, 0};  // Before passing on, before answering, before the second copy.
  };

  Fate NextFate() {
    const std::lock_guard lock(mu_);
    ++num_calls_;
    Fate fate;
    fate.is_duplicated = random_.Uniform() < options_.duplicate_share;
    for (int& delay : fate.delay_ms)
      delay = static_cast<int>(random_.Below(static_cast<uint64_t>(options_.max_delay_ms) + 1));
    return fate;
  }

  void Spawn(std::function<void()> work) {
    const std::lock_guard lock(mu_);
    threads_.emplace_back(std::move(work));
  }

  static bool IsSubmission(const std::string& method) {
    return absl::EndsWith(method, "/SubmitGroups");
  }

  template <typename Message>
  static bool Read(grpc::ByteBuffer bytes, Message* message) {
    return grpc::SerializationTraits<Message>::Deserialize(&bytes, message).ok();
  }

  void CountAccepted(const grpc::ByteBuffer& request, const grpc::ByteBuffer& reply) {
    v1::SubmitGroupsRequest sent;
    v1::SubmitGroupsReply answer;
    if (!Read(request, &sent) || !Read(reply, &answer)) return;
    CR_CHECK(sent.groups_size() == answer.admissions_size());
    const std::lock_guard lock(mu_);
    for (int i = 0; i < sent.groups_size(); ++i) {
      const v1::GroupId& group = sent.groups(i).group();
      if (answer.admissions(i) == v1::ADMISSION_ACCEPTED)
        ++accepted_[{group.pass(), group.prompt()}];
    }
  }

  // Moves the log-probabilities of a submission.
  void Shift(grpc::ByteBuffer* request) const {
    v1::SubmitGroupsRequest message;
    using Traits = grpc::SerializationTraits<v1::SubmitGroupsRequest>;
    if (!Read(*request, &message)) return;
    for (v1::RolloutGroup& group : *message.mutable_groups()) {
      for (v1::Rollout& rollout : *group.mutable_rollouts()) {
        if (rollout.version_runs_size() == 0 ||
            rollout.version_runs(0).version() < options_.shifted_version)
          continue;
        for (float& logprob : *rollout.mutable_sampled_logprobs())
          logprob += options_.logprob_shift;
      }
    }
    bool owns = false;
    grpc::ByteBuffer shifted;  // A buffer that holds bytes already is not written to.
    CR_CHECK(Traits::Serialize(message, &shifted, &owns).ok());
    request->Swap(&shifted);
  }

  static void Sleep(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

  // One request to the target, its answers to `answer` as they come.
  grpc::Status Call(const std::string& method,
                    const grpc::ByteBuffer& request,
                    const std::function<bool(const grpc::ByteBuffer&)>& answer) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    grpc::CompletionQueue queue;
    const auto next = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const auto call = stub_.PrepareCall(&context, method, &queue);
    call->StartCall(nullptr);
    bool is_open = next();
    if (is_open) {
      call->WriteLast(request, grpc::WriteOptions(), nullptr);
      next();
    }
    while (is_open) {
      grpc::ByteBuffer reply;
      call->Read(&reply, nullptr);
      is_open = next();
      if (is_open && IsSubmission(method)) CountAccepted(request, reply);
      if (is_open && !answer(reply)) context.TryCancel();
    }
    grpc::Status status;
    call->Finish(&status, nullptr);
    next();
    return status;
  }

  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor(Impl* proxy, grpc::GenericCallbackServerContext* context)
        : proxy_(proxy), method_(context->method()) {
      StartRead(&request_);
    }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::CANCELLED);
      proxy_->Spawn([this] { Pass(); });
    }
    void OnWriteDone(bool ok) override {
      is_written_ = ok;
      written_->Notify();
    }
    void OnCancel() override { is_cancelled_ = true; }
    void OnDone() override { delete this; }

   private:
    void Pass() {
      const Fate fate = proxy_->NextFate();
      Sleep(fate.delay_ms[0]);
      if (proxy_->shifts_ && IsSubmission(method_)) proxy_->Shift(&request_);
      const bool is_unary = !absl::StrContains(method_, "FetchWeights");
      if (is_unary && fate.is_duplicated) {
        ++proxy_->num_duplicated_;
        proxy_->Spawn([proxy = proxy_, method = method_, request = request_, fate] {
          Sleep(fate.delay_ms[2]);
          proxy->Call(method, request, [](const grpc::ByteBuffer&) { return true; });
        });
      }
      const grpc::Status status =
          proxy_->Call(method_, request_, [&](const grpc::ByteBuffer& reply) {
            Sleep(fate.delay_ms[1]);
            if (is_cancelled_) return false;
            written_ = std::make_unique<absl::Notification>();
            reply_ = reply;
            StartWrite(&reply_);
            written_->WaitForNotification();
            return is_written_.load();
          });
      Finish(status);
    }

    Impl* const proxy_;
    const std::string method_;
    grpc::ByteBuffer request_, reply_;
    std::unique_ptr<absl::Notification> written_;
    std::atomic<bool> is_written_{false};
    std::atomic<bool> is_cancelled_{false};
  };

  const Options options_;
  mutable std::mutex mu_;
  base::RandomStream random_;                            // Under mu_.
  std::map<std::pair<int64_t, int64_t>, int> accepted_;  // Under mu_: how often, by group.
  std::list<std::thread> threads_;
  std::atomic<bool> shifts_{options_.logprob_shift != 0};
  std::atomic<int64_t> num_calls_{0};
  std::atomic<int64_t> num_duplicated_{0};
  grpc::GenericStub stub_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

CallProxy::CallProxy(const std::string& target, const Options& options)
    : impl_(std::make_unique<Impl>(target, options)) {}
CallProxy::~CallProxy() = default;
void CallProxy::StopShifting() { impl_->StopShifting(); }
int CallProxy::port() const { return impl_->port(); }
int64_t CallProxy::num_calls() const { return impl_->num_calls(); }
int64_t CallProxy::num_duplicated() const { return impl_->num_duplicated(); }
int64_t CallProxy::num_accepted() const { return impl_->num_accepted(); }
int64_t CallProxy::num_accepted_again() const { return impl_->num_accepted_again(); }

}  // namespace convrec::testing
