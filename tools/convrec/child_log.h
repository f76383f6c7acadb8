// The log file of a child: what it warns of while it runs, and why it ended.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/report/line_follower.h"

namespace convrec::cli {

// Not thread-safe.
class ChildLog final {
 public:
  // Lines that are in the file already are of an earlier start and left out.
  ChildLog(const std::string& name, const std::string& path);

  // New warnings and errors, each with "[name] " in front. A child that floods is cut short, once
  // per minute, with a hint at its file.
  std::vector<std::string> NewWarnings(absl::Time now);

  // The last `count` lines since this value was made, for a message about the child's end.
  std::vector<std::string> LastLines(size_t count);
  // The text of the last error line; else of the last line; "" when nothing was written.
  std::string Reason();

 private:
  void Read();

  const std::string name_;
  const std::string path_;
  report::LineFollower follower_;
  std::vector<std::string> last_lines_;  // Bounded.
  std::vector<std::string> unseen_;      // Warnings not handed out yet.
  absl::Time window_start_ = absl::InfinitePast();
  int num_in_window_ = 0;
};

// "2026-11-24T05:36:35.123Z ERROR learner] text" -> "ERROR text"; another line stays as it is.
std::string WithoutStamp(const std::string& line);

}  // namespace convrec::cli
