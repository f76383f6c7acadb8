// The one line of live progress, in a terminal and in a log file.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/report/activity.h"
#include "libs/report/records.h"

namespace convrec::report {

// "RL  [########............]  50/120  reward 0.214  NDCG 0.352  KL 0.080  1.9k tok/s  stale 0.4
// 1m12s left" Parts that do not fit into `width` columns are left out: first wide gaps and the bar,
// then the least important parts. `width` 0 = no limit. NDCG is for the sampled lists at cutoff 20.
std::string FormatProgress(const SftStep& step, double seconds_left, size_t width);
std::string FormatProgress(const RlStep& step, size_t width);

// The same for what is under work: "RL  [##....]  13/120  sampled 5 of 16 groups, 24s  waiting 41s
// for rollout-1 (group 0/37)  2 workers".
std::string FormatProgress(const Activity& activity, size_t width);

// "evaluation after RL step 20, validation, 200 rows: NDCG@20 0.352 (x1.18 of SFT), ..."
std::string FormatEvaluation(const Evaluation& evaluation, const std::optional<Evaluation>& sft);

// Shows progress on a stream: a terminal sees one line rewritten in place, anything else one plain
// line per step at a bounded pace. Every step's line goes to the log file. Not thread-safe.
class ProgressDisplay final {
 public:
  struct Options {
    bool is_terminal = false;  // Whether the stream is a terminal.
    size_t width = 0;          // Columns of the terminal; 0 = ask the stream each time.
    absl::Duration plain_interval = absl::Seconds(5);  // Shortest time between two plain lines.
    // After this long without another line, the current activity is written to a plain stream and
    // to the log file.
    absl::Duration heartbeat = absl::Seconds(30);
    std::string log_path{};  // Appended to; "" = none.
  };

  // `stream` and `clock` must outlive the display.
  ProgressDisplay(const Options& options, std::FILE* stream, const base::Clock* clock);
  // Ends the line that is rewritten in place.
  ~ProgressDisplay();

  void Show(const SftStep& step);
  void Show(const RlStep& step);
  // Shows the current activity, at any rate: a terminal shows it once it has taken two seconds.
  void Show(const Activity& activity);
  // Shows a separate line that stays, such as an evaluation or a warning of a child process.
  void Note(const std::string& line);

 private:
  void ShowLine(const std::string& fitted, const std::string& full, bool is_last);
  void PrintPlain(const std::string& line);
  void Draw();
  void Erase();
  void AppendToLog(const std::string& line);
  size_t Width() const;

  const Options options_;
  std::FILE* const stream_;
  const base::Clock* const clock_;
  std::string current_;  // Content of the terminal's last line.
  absl::Time next_plain_ = absl::InfinitePast();
  absl::Time last_plain_, last_log_;  // When a line was written to the stream, to the log file.
  double mean_sft_seconds_ = 0;       // Mean over recent steps, for the time left.
};

}  // namespace convrec::report
