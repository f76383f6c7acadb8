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
#include "libs/report/format.h"

namespace convrec::report {
namespace {

using Json = nlohmann::ordered_json;

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

// Reads the fields of one object; the first error stays.
class Reader {
 public:
  Reader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  template <typename T>
  void Number(const char* field, T* value) {
    const auto found = object_.find(field);
    if (found == object_.end() || !found->is_number()) return Fail(field, "a number");
    *value = found->get<T>();
  }
  void Text(const char* field, std::string* value) {
    const auto found = object_.find(field);
    if (found == object_.end() || !found->is_string()) return Fail(field, "a text");
    *value = found->get<std::string>();
  }
  void Fail(const char* field, const char* expected) {
    if (status_.ok())
      status_ =
          absl::InvalidArgumentError(absl::StrCat(path_, ": \"", field, "\" must be ", expected));
  }
  const absl::Status& status() const { return status_; }

 private:
  const Json& object_;
  const std::string path_;
  absl::Status status_;
};

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
  return absl::StrCat("evaluation ", PlaceInRun(stage, step), " (", SplitName(split), ")");
}

std::string ProgressPath(const std::string& run_dir) {
  return base::JoinPath(run_dir, "progress.json");
}

absl::Status WriteActivity(const std::string& run_dir, const Activity& activity) {
  Json object = {{"pid", activity.pid},
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
  const std::string text = object.dump(-1, ' ', false, Json::error_handler_t::replace);
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
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object())
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a JSON object"));
  Activity activity;
  Reader reader(object, path);
  std::string kind;
  reader.Text("kind", &kind);
  const auto known = base::ParseName<Activity::Kind>(kind);
  if (!known) reader.Fail("kind", "what a learner does");
  activity.kind = known.value_or(Activity::Kind::kStarting);
  reader.Number("pid", &activity.pid);
  reader.Text("what", &activity.what);
  reader.Text("stage", &activity.stage);
  reader.Number("step", &activity.step);
  reader.Number("total_steps", &activity.total_steps);
  reader.Number("done", &activity.done);
  reader.Number("of", &activity.of);
  reader.Number("seconds", &activity.seconds);
  reader.Number("workers", &activity.workers);
  CR_RETURN_IF_ERROR(reader.status());
  const auto lease = object.find("lease");
  if (lease == object.end()) return activity;
  if (!lease->is_object())
    return absl::InvalidArgumentError(absl::StrCat(path, ": \"lease\" must be an object"));
  Reader of_lease(*lease, path + ": lease");
  Activity::Lease awaited;
  of_lease.Text("worker", &awaited.worker);
  of_lease.Text("group", &awaited.group);
  of_lease.Number("seconds", &awaited.seconds);
  CR_RETURN_IF_ERROR(of_lease.status());
  activity.lease = awaited;
  return activity;
}

}  // namespace convrec::report
