#include "libs/report/activity.h"

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/json/json_object.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

std::string Printable(std::string text) {
  for (char& c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return text;
}

std::string Counted(const Activity& activity, const char* verb, const char* things) {
  if (activity.of == 0) return absl::StrCat(verb, " ", things);
  return absl::StrCat(verb, " ", activity.done, " of ", activity.of, " ", things);
}

std::string Deed(const Activity& activity) {
  switch (activity.kind) {
    case Activity::Kind::kSampling:
      return Counted(activity, "sampled", "groups");
    case Activity::Kind::kTraining:
      return Counted(activity, "trained", "micro-batches");
    case Activity::Kind::kPublishing:
      return "publishing the weights";
    case Activity::Kind::kEvaluating:
      return activity.of == 0
                 ? activity.what
                 : absl::StrCat(activity.what, ": ", activity.done, " of ", activity.of, " lists");
    case Activity::Kind::kStarting:
    case Activity::Kind::kSaving:
      return activity.what;
  }
  return "";
}

constexpr int64_t kMaxCount = int64_t{1} << 53;

absl::StatusOr<int64_t> ReadCount(const json::JsonObject& object, const std::string& field) {
  return object.Integer(field, 0, kMaxCount);
}

absl::StatusOr<Activity::Lease> ReadLease(const json::JsonObject& object) {
  Activity::Lease lease;
  CR_ASSIGN_OR_RETURN(lease.worker, object.String("worker"));
  CR_ASSIGN_OR_RETURN(lease.group, object.String("group"));
  CR_ASSIGN_OR_RETURN(lease.seconds, object.Number("seconds"));
  return lease;
}

}  // namespace

std::string WorkOf(const Activity& activity) {
  return Printable(absl::StrCat(Deed(activity), ", ", Seconds(activity.seconds)));
}

std::string WorkersOf(const Activity& activity) {
  const bool needs_workers =
      activity.kind == Activity::Kind::kSampling || activity.kind == Activity::Kind::kEvaluating;
  if (activity.workers == 0) return needs_workers ? "no worker is connected" : "";
  return absl::StrCat(activity.workers, activity.workers == 1 ? " worker" : " workers");
}

std::string AwaitedOf(const Activity& activity) {
  if (!activity.lease) return "";
  return Printable(absl::StrCat("waiting ",
                                Seconds(activity.lease->seconds),
                                " for ",
                                activity.lease->worker,
                                " (group ",
                                activity.lease->group,
                                ")"));
}

std::string FormatActivity(const Activity& activity) {
  std::string line;
  if (!activity.stage.empty()) {
    line =
        absl::StrCat(activity.stage, " step ", activity.step, " of ", activity.total_steps, ": ");
  }
  line = absl::StrCat(Printable(line), WorkOf(activity));
  for (const std::string& part : {WorkersOf(activity), AwaitedOf(activity)}) {
    if (!part.empty()) absl::StrAppend(&line, "; ", part);
  }
  return line;
}

std::string PlaceInRun(Stage stage, int64_t step) {
  if (stage == Stage::kZeroShot) return "before training";
  return absl::StrCat(stage == Stage::kSft ? "after SFT step " : "after RL step ", step);
}

std::string DescribeEvaluation(Stage stage, int64_t step, Split split) {
  return absl::StrCat("evaluation ", PlaceInRun(stage, step), " (", base::NameOf(split), ")");
}

std::string ProgressPath(const std::string& run_dir) {
  return base::JoinPath(run_dir, "progress.json");
}

absl::Status WriteActivity(const std::string& run_dir, const Activity& activity) {
  nlohmann::ordered_json object = {{"pid", activity.pid},
                                   {"kind", base::NameOf(activity.kind)},
                                   {"what", activity.what},
                                   {"stage", activity.stage},
                                   {"step", activity.step},
                                   {"total_steps", activity.total_steps},
                                   {"done", activity.done},
                                   {"of", activity.of},
                                   {"seconds", activity.seconds},
                                   {"workers", activity.workers}};
  if (activity.lease) {
    object["lease"] = {{"worker", activity.lease->worker},
                       {"group", activity.lease->group},
                       {"seconds", activity.lease->seconds}};
  }
  const std::string text =
      object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  const std::string path = ProgressPath(run_dir);
  const std::string partial = absl::StrCat(path, ".partial");
  std::remove(partial.c_str());
  CR_RETURN_IF_ERROR(base::AppendToFile(partial, text + "\n"));
  if (std::rename(partial.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return base::ErrnoStatus(errno, absl::StrCat("cannot rename to ", path));
}

absl::StatusOr<Activity> ReadActivity(const std::string& run_dir) {
  const std::string path = ProgressPath(run_dir);
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  CR_ASSIGN_OR_RETURN(const nlohmann::json document, json::ParseObject(text, path));
  const json::JsonObject object(&document, path);
  Activity activity;
  CR_ASSIGN_OR_RETURN(const std::string kind,
                      object.OneOf("kind", base::AllNames<Activity::Kind>()));
  activity.kind = *base::ParseName<Activity::Kind>(kind);
  CR_ASSIGN_OR_RETURN(activity.what, object.String("what"));
  CR_ASSIGN_OR_RETURN(activity.stage, object.String("stage"));
  CR_ASSIGN_OR_RETURN(activity.step, ReadCount(object, "step"));
  CR_ASSIGN_OR_RETURN(activity.total_steps, ReadCount(object, "total_steps"));
  CR_ASSIGN_OR_RETURN(activity.done, ReadCount(object, "done"));
  CR_ASSIGN_OR_RETURN(activity.of, ReadCount(object, "of"));
  CR_ASSIGN_OR_RETURN(activity.seconds, object.Number("seconds"));
  CR_ASSIGN_OR_RETURN(const int64_t workers, object.Integer("workers", 0, 1 << 20));
  CR_ASSIGN_OR_RETURN(const int64_t pid, object.Integer("pid", 0, 1 << 30));
  activity.workers = static_cast<int>(workers);
  activity.pid = static_cast<int>(pid);
  if (!object.Has("lease")) return activity;
  CR_ASSIGN_OR_RETURN(const json::JsonObject lease, object.Object("lease"));
  CR_ASSIGN_OR_RETURN(activity.lease, ReadLease(lease));
  return activity;
}

}  // namespace convrec::report
