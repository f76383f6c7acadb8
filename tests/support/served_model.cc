#include "tests/support/served_model.h"

#include <gtest/gtest.h>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "libs/http/testing/http_client.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(2);

}  // namespace

ServedModel::ServedModel(const std::string& model, const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {
      Binary("convrec"), "serve", "--model", model, "--listen", "127.0.0.1:0", "--threads", "1"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  auto child = cli::ChildProcess::Spawn({.arguments = arguments, .log_path = log_path()});
  EXPECT_TRUE(child.ok()) << child.status();
  child_.emplace(*std::move(child));
  const absl::Time deadline = absl::Now() + kLong;
  while (port_ == 0 && absl::Now() < deadline && !child_->Poll()) {
    absl::SleepFor(absl::Milliseconds(20));
    const std::string text = Log();
    const std::string marker = "on port ";
    const size_t begin = text.find(marker);
    if (begin == std::string::npos) continue;
    const size_t digits = begin + marker.size();
    if (!absl::SimpleAtoi(text.substr(digits, text.find(',', digits) - digits), &port_)) port_ = 0;
  }
  EXPECT_NE(port_, 0) << Log();
}

std::string ServedModel::Log() const { return base::ReadFile(log_path()).value_or(""); }

cli::ExitState ServedModel::WaitForEnd() {
  const absl::Time deadline = absl::Now() + kLong;
  std::optional<cli::ExitState> exit;
  while (!(exit = child_->Poll()) && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(20));
  EXPECT_TRUE(exit.has_value()) << Log();
  return exit.value_or(cli::ExitState{.code = 0, .signal = 9});
}

nlohmann::json ServedModel::PostOk(const std::string& path, const nlohmann::json& body) const {
  const http::HttpResponse response = http::HttpClient(port_).Post(path, body.dump());
  EXPECT_EQ(response.status, 200) << response.body;
  return nlohmann::json::parse(response.body, nullptr, false);
}

}  // namespace convrec::testing
