#include "libs/report/progress_line.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/enum_names.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/report/cutoffs.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

constexpr size_t kWidestBar = 24;
constexpr size_t kNarrowestBar = 8;
constexpr double kShownAfterSeconds = 2;

// A part with `importance` 0 is never left out.
struct Part {
  std::string text;
  int importance = 0;
};

size_t WidthOf(const std::vector<Part>& parts, size_t gap) {
  size_t width = 0;
  for (const Part& part : parts) width += DisplayWidth(part.text) + (width > 0 ? gap : 0);
  return width;
}

std::string Bar(int64_t step, int64_t total, size_t width) {
  const double share =
      total > 0 ? std::clamp(static_cast<double>(step) / static_cast<double>(total), 0.0, 1.0) : 0;
  const size_t filled = static_cast<size_t>(share * static_cast<double>(width) + 1e-9);
  return absl::StrCat("[", std::string(filled, '#'), std::string(width - filled, '.'), "]");
}

// The first part names the stage and comes before the bar, which is drawn for `total` > 0.
std::string Fit(std::vector<Part> parts, int64_t step, int64_t total, size_t width) {
  const size_t widest = total > 0 ? kWidestBar : 0;
  size_t bar = widest;
  std::string gap = "  ";
  if (width > 0) {
    if (WidthOf(parts, 2) > width) gap = " ";
    while (WidthOf(parts, gap.size()) > width) {
      const auto least =
          std::max_element(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
            return a.importance < b.importance;
          });
      if (least->importance == 0) break;
      parts.erase(least);
    }
    const size_t used =
        WidthOf(parts, gap.size()) + gap.size() + 2;  // With brackets and their gap.
    bar = width >= used + kNarrowestBar ? std::min(widest, width - used) : 0;
  }
  std::string line = parts.front().text;
  if (bar > 0) absl::StrAppend(&line, gap, Bar(step, total, bar));
  for (size_t i = 1; i < parts.size(); ++i) absl::StrAppend(&line, gap, parts[i].text);
  return width > 0 ? line.substr(0, width) : line;  // The parts are ASCII.
}

std::string Workers(double count) {
  return absl::StrCat(static_cast<int64_t>(count), count == 1 ? " worker" : " workers");
}

std::string StepOf(int64_t step, int64_t total) {
  const std::string total_text = absl::StrCat(total);
  std::string text = absl::StrCat(step);
  if (text.size() < total_text.size()) text.insert(0, total_text.size() - text.size(), ' ');
  return absl::StrCat(text, "/", total_text);
}

}  // namespace

std::string FormatProgress(const SftStep& step, double seconds_left, size_t width) {
  return Fit({{"SFT", 0},
              {StepOf(step.step, step.total_steps), 0},
              {absl::StrCat("loss ", Fixed(step["loss"], 3)), 1},
              {absl::StrCat(Count(step["tokens_per_second"]), " tok/s"), 3},
              {absl::StrCat(Seconds(seconds_left), " left"), 2}},
             step.step,
             step.total_steps,
             width);
}

std::string FormatProgress(const RlStep& step, size_t width) {
  return Fit({{"RL", 0},
              {StepOf(step.step, step.total_steps), 0},
              {absl::StrCat("reward ", Fixed(step["reward"], 3)), 1},
              {absl::StrCat("NDCG ", Fixed(step["ndcg20"], 3)), 2},
              {absl::StrCat("KL ", Fixed(step["kl"], 3)), 4},
              {absl::StrCat(Count(step["tokens_per_second"]), " tok/s"), 5},
              {absl::StrCat("stale ", Fixed(step["staleness_mean"], 1)), 6},
              {Workers(step["workers"]), 7},
              {absl::StrCat(Seconds(step["eta_s"]), " left"), 3}},
             step.step,
             step.total_steps,
             width);
}

std::string FormatProgress(const Activity& activity, size_t width) {
  std::vector<Part> parts;
  if (!activity.stage.empty()) {
    parts.push_back({activity.stage, 0});
    parts.push_back({StepOf(activity.step, activity.total_steps), 0});
  }
  parts.push_back({WorkOf(activity), 0});
  if (const std::string awaited = AwaitedOf(activity); !awaited.empty())
    parts.push_back({awaited, 1});
  if (const std::string workers = WorkersOf(activity); !workers.empty())
    parts.push_back({workers, 2});
  if (activity.stage.empty()) return Fit(std::move(parts), activity.done, activity.of, width);
  // The step that is under work is not behind the bar yet.
  return Fit(std::move(parts), activity.step - 1, activity.total_steps, width);
}

std::string FormatEvaluation(const Evaluation& evaluation, const std::optional<Evaluation>& sft) {
  std::string line = absl::StrCat("evaluation ", PlaceInRun(evaluation.stage, evaluation.step));
  absl::StrAppend(&line,
                  " (",
                  base::NameOf(evaluation.split),
                  ", ",
                  evaluation.count("rows"),
                  " rows): ",
                  AtLast("NDCG", evaluation),
                  " ",
                  Fixed(Ndcg20(evaluation), 4));
  const bool is_comparable = evaluation.stage == Stage::kRl && sft && Ndcg20(*sft) > 0;
  if (is_comparable)
    absl::StrAppend(&line, " (", Times(Ndcg20(evaluation) / Ndcg20(*sft)), " of SFT)");
  absl::StrAppend(&line,
                  ", ",
                  AtLast("Recall", evaluation),
                  " ",
                  Fixed(evaluation.list("recall")[kAt20], 4),
                  ", repeats ",
                  Percent(evaluation["repeat_ratio"], 1),
                  ", off-catalog ",
                  Percent(evaluation["off_catalog_ratio"], 1),
                  ", lines ",
                  Fixed(evaluation["lines"], 1),
                  ", exactly N ",
                  Percent(evaluation["exact_ratio"], 0));
  return line;
}

ProgressDisplay::ProgressDisplay(const Options& options,
                                 std::FILE* stream,
                                 const base::Clock* clock)
    : options_(options),
      stream_(stream),
      clock_(clock),
      last_plain_(clock->Now()),
      last_log_(last_plain_) {}

ProgressDisplay::~ProgressDisplay() {
  if (!current_.empty()) std::fputc('\n', stream_);
  std::fflush(stream_);
}

void ProgressDisplay::Show(const SftStep& step) {
  mean_sft_seconds_ =
      mean_sft_seconds_ == 0 ? step["seconds"] : 0.95 * mean_sft_seconds_ + 0.05 * step["seconds"];
  const double left =
      mean_sft_seconds_ * static_cast<double>(std::max<int64_t>(0, step.total_steps - step.step));
  ShowLine(FormatProgress(step, left, Width()),
           FormatProgress(step, left, 0),
           step.step >= step.total_steps);
}

void ProgressDisplay::Show(const RlStep& step) {
  ShowLine(FormatProgress(step, Width()), FormatProgress(step, 0), step.step >= step.total_steps);
}

void ProgressDisplay::Show(const Activity& activity) {
  const absl::Time now = clock_->Now();
  const auto is_due = [&](absl::Time last) { return now - last >= options_.heartbeat; };
  if (is_due(last_log_)) AppendToLog(FormatActivity(activity));
  if (options_.is_terminal) {
    if (activity.seconds < kShownAfterSeconds) return;
    current_ = FormatProgress(activity, Width());
    Draw();
  } else if (is_due(last_plain_)) {
    PrintPlain(FormatActivity(activity));
  }
}

void ProgressDisplay::PrintPlain(const std::string& line) {
  last_plain_ = clock_->Now();
  std::fprintf(stream_, "%s\n", line.c_str());
  std::fflush(stream_);
}

void ProgressDisplay::ShowLine(const std::string& fitted, const std::string& full, bool is_last) {
  AppendToLog(full);
  if (options_.is_terminal) {
    current_ = fitted;
    Draw();
    return;
  }
  if (clock_->Now() < next_plain_ && !is_last) return;
  next_plain_ = clock_->Now() + options_.plain_interval;
  PrintPlain(full);
}

void ProgressDisplay::Note(const std::string& line) {
  AppendToLog(line);
  Erase();
  PrintPlain(line);
  Draw();
}

void ProgressDisplay::Draw() {
  if (options_.is_terminal && !current_.empty())
    std::fprintf(stream_, "\r%s\033[K", current_.c_str());
  std::fflush(stream_);
}

void ProgressDisplay::Erase() {
  if (options_.is_terminal && !current_.empty()) std::fputs("\r\033[K", stream_);
}

void ProgressDisplay::AppendToLog(const std::string& line) {
  last_log_ = clock_->Now();
  if (options_.log_path.empty()) return;
  const std::string stamp =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_->Now(), absl::UTCTimeZone());
  const absl::Status status =
      base::AppendToFile(options_.log_path, absl::StrCat(stamp, "  ", line, "\n"));
  if (!status.ok()) CR_LOG(WARNING) << status.message();
}

size_t ProgressDisplay::Width() const {
  if (!options_.is_terminal) return 0;
  if (options_.width > 0) return options_.width;
  winsize size{};
  const bool is_known = ::ioctl(::fileno(stream_), TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  // The last column stays free, so that a full line does not wrap.
  return is_known ? size.ws_col - 1u : 79;
}

}  // namespace convrec::report
