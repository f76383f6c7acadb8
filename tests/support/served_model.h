// A running `convrec serve` on a free port of the loopback.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/files.h"
#include "tools/convrec/child_process.h"

namespace convrec::testing {

// Killed at the end. Whatever does not come in two minutes fails the test.
class ServedModel {
 public:
  // `options` are flags of the command. Waits until the server listens.
  explicit ServedModel(const std::string& model, const std::vector<std::string>& options = {});

  int port() const { return port_; }
  cli::ChildProcess& child() { return *child_; }
  std::string Log() const;
  cli::ExitState WaitForEnd();

  // The body of the answer, whose status must be 200.
  nlohmann::json PostOk(const std::string& path, const nlohmann::json& body) const;

 private:
  std::string log_path() const { return base::JoinPath(directory_.path(), "log"); }

  const base::TemporaryDirectory directory_;
  std::optional<cli::ChildProcess> child_;
  int port_ = 0;
};

}  // namespace convrec::testing
