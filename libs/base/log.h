// One-line log events on standard error: CR_LOG(INFO) << "admitted group " << id;
//
// A line reads "2026-11-24T05:36:35.123Z INFO learner] text". Thread-safe; a line is written whole.
#pragma once

#include <sstream>
#include <string>

namespace convrec::base {

enum class LogSeverity { INFO, WARNING, ERROR };

// Names the process in every later line, as in "rollout-1". Call once, before threads start.
void SetLogRole(const std::string& role);

class LogLine final {
 public:
  explicit LogLine(LogSeverity severity) : severity_(severity) {}
  ~LogLine();
  std::ostream& stream() { return stream_; }

 private:
  const LogSeverity severity_;
  std::ostringstream stream_;
};

}  // namespace convrec::base

#define CR_LOG(severity) ::convrec::base::LogLine(::convrec::base::LogSeverity::severity).stream()
