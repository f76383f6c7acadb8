// The log file of a child process: its warnings while it runs, and the reason for its end.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/report/line_follower.h"

namespace convrec::cli {

// Not thread-safe.
class ChildLog final {
 public:
  // Lines that are already in the file belong to an earlier start and are skipped.
  ChildLog(const std::string& name, const std::string& path);

  // New warnings and errors, each prefixed with "[name] ". The output of a child that floods is
  // limited, with a hint at its file once per minute.
  std::vector<std::string> NewWarnings(absl::Time now);

  // The last `count` lines since this object was created, for a message about the child's end.
  std::vector<std::string> LastLines(size_t count);
  // The text of the last error line; otherwise of the last line; "" if nothing was written.
  std::string Reason();

 private:
  void Read();

  const std::string name_;
  const std::string path_;
  report::LineFollower follower_;
  std::vector<std::string> last_lines_;  // Bounded.
  std::vector<std::string> unseen_;      // Warnings not returned yet.
  absl::Time window_start_ = absl::InfinitePast();
  int num_in_window_ = 0;
};

// "2026-11-24T05:36:35.123Z ERROR learner] text" -> "ERROR text"; other lines are returned
// unchanged.
std::string WithoutStamp(const std::string& line);

}  // namespace convrec::cli
