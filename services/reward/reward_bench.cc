// Lists scored per second: in process, and through gRPC on loopback with the client beside. Run:
//   tools/dev bench reward [--catalog FILE] [--seconds 5] [--lists 64] [--rate 25000]
//     [--skip_million]
// In-process figures are per second of processor time, so that other work on the machine does not
// enter; those of gRPC are per second of the clock. Latency is of an open loop: calls leave by the
// clock, --rate lists per second, and are timed from when they should have left. The last line is
// one JSON object.
#include <grpcpp/grpcpp.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/check.h"
#include "libs/base/random.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "libs/wire/common.h"
#include "proto/reward.grpc.pb.h"
#include "services/reward/reward_metrics.h"
#include "services/reward/reward_service.h"
#include "services/reward/testing/bench_lists.h"

namespace convrec::reward {
namespace {

double ProcessorSeconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Of one thread, per second of its processor time.
double ScoreInProcess(const scoring::ListScorer& scorer,
                      const std::vector<BenchGroup>& groups,
                      double seconds) {
  scoring::ScoreSession session(&scorer);
  domain::ListScore score;
  std::vector<lists::ListTarget> targets;
  for (const BenchGroup& group : groups) targets.push_back(scorer.Prepare(group.prompt));
  double best = 0;
  for (int round = 0; round < 5; ++round) {  // The first warms up; the best is least disturbed.
    const double start = ProcessorSeconds(CLOCK_THREAD_CPUTIME_ID);
    size_t num_lists = 0;
    double took = 0;
    while (took < seconds / 5) {
      for (size_t i = 0; i < groups.size(); ++i) {
        for (const std::string& text : groups[i].texts) session.Score(text, targets[i], &score);
        num_lists += groups[i].texts.size();
      }
      took = ProcessorSeconds(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    best = std::max(best, static_cast<double>(num_lists) / took);
  }
  return best;
}

v1::ScoreGroupRequest RequestOf(const BenchGroup& group) {
  v1::ScoreGroupRequest request;
  for (const std::string& text : group.texts) request.add_completions(text);
  for (const domain::Item& item : group.prompt.ground_truth) {
    *request.add_ground_truth() = wire::ToProto(item);
  }
  for (const std::string& title : group.prompt.seen_titles) request.add_seen_titles(title);
  return request;
}

// Sends calls without waiting for their answers and collects their latencies.
class Caller final {
 public:
  Caller(const std::string& address, const std::vector<BenchGroup>& groups)
      : stub_(v1::RewardService::NewStub(rpc::MakeChannel(address))) {
    for (const BenchGroup& group : groups) requests_.push_back(RequestOf(group));
  }

  // Keeps `num_calls` under way for `duration`; lists answered per second.
  double Saturate(int num_calls, absl::Duration duration) {
    Reset();
    const absl::Time start = absl::Now();
    const absl::Time end = start + duration;
    while (absl::Now() < end) {
      AwaitFewerThan(num_calls);
      Send(absl::Now());
    }
    AwaitFewerThan(1);
    return static_cast<double>(num_answered_lists()) / absl::ToDoubleSeconds(absl::Now() - start);
  }

  // Calls leave at random times, `lists_per_second` on average; latencies in seconds, ascending.
  std::vector<double> OpenLoop(double lists_per_second, absl::Duration duration) {
    Reset();
    base::RandomStream random(3, 0);
    const double mean_gap = requests_[0].completions_size() / lists_per_second;
    const absl::Time end = absl::Now() + duration;
    for (absl::Time next = absl::Now(); next < end;) {
      absl::SleepFor(next - absl::Now());
      Send(next);
      next += absl::Seconds(-mean_gap * std::log(1 - random.Uniform()));
    }
    AwaitFewerThan(1);
    absl::MutexLock lock(&mu_);
    std::sort(latencies_.begin(), latencies_.end());
    return latencies_;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    google::protobuf::Arena arena;
    v1::ScoreGroupReply* reply =
        google::protobuf::Arena::CreateMessage<v1::ScoreGroupReply>(&arena);
    absl::Time start;
  };

  void Reset() {
    absl::MutexLock lock(&mu_);
    num_lists_ = 0;
    latencies_.clear();
  }

  void Send(absl::Time start) {
    Call* const call = new Call;
    call->start = start;
    const v1::ScoreGroupRequest& request = requests_[next_++ % requests_.size()];
    {
      absl::MutexLock lock(&mu_);
      ++num_open_;
    }
    stub_->async()->ScoreGroup(&call->context, &request, call->reply, [this, call](grpc::Status s) {
      CR_CHECK(s.ok(), s.error_message());
      const double latency = absl::ToDoubleSeconds(absl::Now() - call->start);
      const int num_lists = call->reply->scores_size();
      delete call;
      absl::MutexLock lock(&mu_);
      --num_open_;
      num_lists_ += num_lists;
      latencies_.push_back(latency);
    });
  }

  void AwaitFewerThan(int num_calls) {
    absl::MutexLock lock(&mu_);
    const auto few = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return num_open_ < num_calls; };
    mu_.Await(absl::Condition(&few));
  }

  int64_t num_answered_lists() {
    absl::MutexLock lock(&mu_);
    return num_lists_;
  }

  const std::unique_ptr<v1::RewardService::Stub> stub_;
  std::vector<v1::ScoreGroupRequest> requests_;
  size_t next_ = 0;
  absl::Mutex mu_;
  int num_open_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t num_lists_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<double> latencies_ ABSL_GUARDED_BY(mu_);
};

struct Figures {
  double per_second_core = 0;
  double per_second_grpc = 0;
  double grpc_cpu_us_per_list = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double bytes_per_item = 0;
};

Figures Measure(const catalog::Catalog& catalog,
                double seconds,
                size_t lists_per_call,
                double rate) {
  const auto scorer = *scoring::ListScorer::Create(catalog, {});
  const std::vector<BenchGroup> groups = MakeBenchGroups(catalog, 64, lists_per_call, 7);
  Figures figures;
  figures.bytes_per_item =
      static_cast<double>(catalog.size_bytes()) / static_cast<double>(catalog.size());
  figures.per_second_core = ScoreInProcess(*scorer, groups, seconds);

  LiveScorer live(scorer);
  telemetry::Metrics metrics("bench", "reward");
  RewardMetrics observer(&metrics, 20);
  // An open loop waits for nobody: it may have many calls under way.
  RewardService service(
      &live, nullptr, {.num_threads = 2, .admission = {.max_calls = 100'000}}, &observer);
  const auto server = *rpc::Server::Start("127.0.0.1:0", {service.service()});
  Caller caller(server->address(), groups);
  caller.Saturate(8, absl::Seconds(seconds / 5));  // Warms up.
  for (int round = 0; round < 3; ++round) {
    const double start = ProcessorSeconds(CLOCK_PROCESS_CPUTIME_ID);
    const absl::Duration duration = absl::Seconds(seconds / 3);
    const double reached = caller.Saturate(8, duration);
    const double used = ProcessorSeconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    if (reached <= figures.per_second_grpc) continue;
    figures.per_second_grpc = reached;
    figures.grpc_cpu_us_per_list = 1e6 * used / (reached * absl::ToDoubleSeconds(duration));
  }
  const std::vector<double> latencies = caller.OpenLoop(rate, absl::Seconds(seconds));
  const auto at = [&](double share) {
    return 1e3 * latencies[static_cast<size_t>(share * static_cast<double>(latencies.size() - 1))];
  };
  figures.p50_ms = at(.5);
  figures.p99_ms = at(.99);
  return figures;
}

double Rounded(double value) { return std::round(value * 1000) / 1000; }

int Run(int argc, char** argv) {
  CLI::App app("Lists scored per second.");
  std::string catalog_path;
  double seconds = 5;
  size_t lists_per_call = 64;
  double rate = 25'000;
  bool skip_million = false;
  app.add_option("--catalog", catalog_path, "catalog file; none = 7,404 made films");
  app.add_option("--seconds", seconds, "of each measurement");
  app.add_option("--lists", lists_per_call, "lists per call");
  app.add_option("--rate", rate, "lists per second of the open loop");
  app.add_flag("--skip_million", skip_million, "leave out the catalog of a million items");
  CLI11_PARSE(app, argc, argv);

  const auto small = catalog_path.empty() ? absl::StatusOr<catalog::Catalog>(MakeBenchCatalog(7404))
                                          : catalog::Catalog::Load(catalog_path);
  if (!small.ok()) {
    std::cerr << small.status().message() << "\n";
    return 65;
  }
  nlohmann::ordered_json json;
  const auto add = [&json](const std::string& prefix, const Figures& figures) {
    json[prefix + "lists_per_second_core"] = std::round(figures.per_second_core);
    json[prefix + "lists_per_second_grpc"] = std::round(figures.per_second_grpc);
    json[prefix + "p99_ms"] = Rounded(figures.p99_ms);
    json[prefix + "bytes_per_item"] = Rounded(figures.bytes_per_item);
    json[prefix + "p50_ms"] = Rounded(figures.p50_ms);
    json[prefix + "grpc_cpu_us_per_list"] = Rounded(figures.grpc_cpu_us_per_list);
  };
  std::printf("%zu items\n", small->size());
  add("", Measure(*small, seconds, lists_per_call, rate));
  if (!skip_million) {
    std::printf("1000000 items\n");
    add("million_", Measure(MakeBenchCatalog(1'000'000), seconds, lists_per_call, rate));
  }
  std::cout << json.dump() << "\n";
  return 0;
}

}  // namespace
}  // namespace convrec::reward

int main(int argc, char** argv) { return convrec::reward::Run(argc, argv); }
