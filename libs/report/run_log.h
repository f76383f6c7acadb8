// metrics.jsonl: the append-only log of a run, one JSON object per line.
//
// Each line is {"kind": "rl_step", ...} with the fields of records.h under their own names; the
// kinds are sft_step, rl_step, evaluation, samples and event. A number that is not finite is
// written as null and read as NaN; an absent field keeps its default. A crash can leave a partial
// line at the end. Readers skip it and report it, and the next writer cuts it off.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/report/records.h"

namespace convrec::report {

// One line without its newline; invalid UTF-8 in text becomes U+FFFD.
std::string FormatRecord(const Record& record);

// InvalidArgument names the field; the caller adds file and line.
absl::StatusOr<Record> ParseRecord(const std::string& line);

// Thread-safe; every line is one write.
class RunLogWriter final {
 public:
  // Opens for appending, creates the file when missing, and cuts off a torn last line.
  static absl::StatusOr<std::unique_ptr<RunLogWriter>> Open(const std::string& path);
  ~RunLogWriter();
  RunLogWriter(const RunLogWriter&) = delete;
  RunLogWriter& operator=(const RunLogWriter&) = delete;

  // On return the line has been handed to the kernel. An error (a full disk) leaves the file
  // unchanged.
  absl::Status Append(const Record& record) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  RunLogWriter(const std::string& path, int fd) : path_(path), fd_(fd) {}

  const std::string path_;
  absl::Mutex mu_;
  const int fd_ ABSL_GUARDED_BY(mu_);
};

// A whole log, sorted by kind. Where a run was resumed, later lines replace earlier ones of the
// same step and all steps after it.
struct RunLog {
  std::vector<SftStep> sft_steps;
  std::vector<RlStep> rl_steps;
  std::vector<Evaluation> evaluations;
  std::vector<Samples> samples;
  std::vector<std::string> events;
  bool has_torn_tail = false;  // The last line was incomplete and left out.
};

void AddRecord(Record record, RunLog* log);

// A missing file gives NotFound; a malformed line that is not the last gives InvalidArgument with
// path and line number.
absl::StatusOr<RunLog> ReadRunLog(const std::string& path);

// For a resume from a checkpoint at `position`: rewrites the file without the records after it, so
// that the log has one history. Events stay. A missing file is not an error.
absl::Status TruncateAfter(const std::string& path, RunPosition position);

// Whether the log holds the evaluation of that split at `position`.
bool HasEvaluation(const RunLog& log, RunPosition position, Split split);

}  // namespace convrec::report
