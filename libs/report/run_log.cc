#include "libs/report/run_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/enum_names.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/report/record_fields.h"
#include "nlohmann/json.hpp"

namespace convrec::report {
namespace {

using Json = nlohmann::ordered_json;

template <typename R>
constexpr const char* kKind = nullptr;
template <>
constexpr const char* kKind<SftStep> = "sft_step";
template <>
constexpr const char* kKind<RlStep> = "rl_step";
template <>
constexpr const char* kKind<Evaluation> = "evaluation";
template <>
constexpr const char* kKind<Samples> = "samples";
template <>
constexpr const char* kKind<Event> = "event";

template <typename R>
Json ToJson(const R& record);

struct FieldWriter {
  Json* object;
  void operator()(const char* name, int64_t value) { (*object)[name] = value; }
  void operator()(const char* name, int value) { (*object)[name] = value; }
  void operator()(const char* name, double value) {
    (*object)[name] = value;
  }  // NaN dumps as null.
  void operator()(const char* name, const std::string& value) { (*object)[name] = value; }
  void operator()(const char* name, Stage value) { (*object)[name] = base::NameOf(value); }
  void operator()(const char* name, Split value) { (*object)[name] = base::NameOf(value); }
  void operator()(const char* name, domain::LineOutcome value) {
    (*object)[name] = base::NameOf(value);
  }
  void operator()(const statistics::Statistic& row, const statistics::Record& record, size_t i) {
    const std::span<const double> values = record.at(i);
    Json& field = (*object)[std::string(row.name)];
    if (row.shape == statistics::Shape::kCount) {
      field = static_cast<int64_t>(values.front());
    } else if (row.shape == statistics::Shape::kNumber) {
      field = values.front();
    } else {
      field = std::vector<double>(values.begin(), values.end());
    }
  }
  template <typename R>
  void operator()(const char* name, const std::vector<R>& records) {
    Json array = Json::array();
    for (const R& record : records) array.push_back(ToJson(record));
    (*object)[name] = std::move(array);
  }
};

template <typename R>
Json ToJson(const R& record) {
  Json object = Json::object();
  if constexpr (kKind<R> != nullptr) object["kind"] = kKind<R>;
  VisitFields(record, FieldWriter{&object});
  return object;
}

template <typename R>
absl::Status FromJson(const Json& object, R* record);

// Keeps the first error and does nothing after it.
class FieldReader {
 public:
  FieldReader(const Json& object, absl::Status* status) : object_(object), status_(status) {}

  template <typename T>
  void operator()(absl::string_view name, T& value) {
    if (!status_->ok()) return;
    const auto it = object_.find(std::string(name));
    if (it == object_.end()) return;
    if (!Read(*it, &value)) {
      Fail(absl::StrCat("field \"",
                        name,
                        "\" is ",
                        it->dump(-1, ' ', false, Json::error_handler_t::replace),
                        ", which is not ",
                        Expected(value)));
    }
  }

  void operator()(const statistics::Statistic& row, statistics::Record& record, size_t i) {
    const std::span<const double> now = record.at(i);
    if (row.shape == statistics::Shape::kCount) {
      auto value = static_cast<int64_t>(now.front());
      (*this)(row.name, value);
      record.Set(i, {static_cast<double>(value)});
    } else if (row.shape == statistics::Shape::kNumber) {
      double value = now.front();
      (*this)(row.name, value);
      record.Set(i, {value});
    } else if (row.shape == statistics::Shape::kAtCutoffs) {
      std::array<double, domain::kCutoffs.size()> values{};
      (*this)(row.name, values);
      record.Set(i, {values.begin(), values.end()});
    } else {
      std::vector<double> values;
      (*this)(row.name, values);
      record.Set(i, std::move(values));
    }
  }

 private:
  void Fail(const std::string& message) {
    if (status_->ok()) *status_ = absl::InvalidArgumentError(message);
  }
  static const char* Expected(const int64_t&) { return "an integer"; }
  static const char* Expected(const int&) { return "an integer"; }
  static const char* Expected(const double&) { return "a number"; }
  static const char* Expected(const std::string&) { return "a string"; }
  static const char* Expected(const std::array<double, 4>&) { return "an array of 4 numbers"; }
  template <typename R>
  static const char* Expected(const std::vector<R>&) {
    return "an array of its kind";
  }
  static const char* Expected(const Stage&) { return "zero_shot, sft or rl"; }
  static const char* Expected(const Split&) { return "validation or test"; }
  static const char* Expected(const domain::LineOutcome&) { return "the outcome of a line"; }

  static bool Read(const Json& json, int64_t* value) {
    if (!json.is_number_integer()) return false;
    *value = json.get<int64_t>();
    return true;
  }
  static bool Read(const Json& json, int* value) {
    int64_t wide = 0;
    if (!Read(json, &wide) || wide < std::numeric_limits<int>::min() ||
        wide > std::numeric_limits<int>::max()) {
      return false;
    }
    *value = static_cast<int>(wide);
    return true;
  }
  static bool Read(const Json& json, double* value) {
    if (!json.is_number() && !json.is_null()) return false;
    *value = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
    return true;
  }
  static bool Read(const Json& json, std::string* value) {
    if (!json.is_string()) return false;
    *value = json.get<std::string>();
    return true;
  }
  static bool Read(const Json& json, std::vector<double>* value) {
    if (!json.is_array()) return false;
    value->assign(json.size(), 0);
    for (size_t i = 0; i < json.size(); ++i) {
      if (!Read(json[i], &(*value)[i])) return false;
    }
    return true;
  }
  static bool Read(const Json& json, std::array<double, 4>* value) {
    if (!json.is_array() || json.size() != value->size()) return false;
    for (size_t i = 0; i < json.size(); ++i) {
      if (!Read(json[i], &(*value)[i])) return false;
    }
    return true;
  }
  template <typename E>
  requires std::is_enum_v<E>
  static bool Read(const Json& json, E* value) {
    if (!json.is_string()) return false;
    const std::optional<E> named = base::ParseName<E>(json.get_ref<const std::string&>());
    if (named) *value = *named;
    return named.has_value();
  }
  template <typename R>
  bool Read(const Json& json, std::vector<R>* value) {
    if (!json.is_array()) return false;
    value->assign(json.size(), R{});
    for (size_t i = 0; i < json.size(); ++i) {
      if (const absl::Status status = FromJson(json[i], &(*value)[i]); !status.ok()) {
        Fail(std::string(status.message()));  // Names the inner field.
        return false;
      }
    }
    return true;
  }

  const Json& object_;
  absl::Status* status_;
};

template <typename R>
absl::Status FromJson(const Json& object, R* record) {
  if (!object.is_object()) return absl::InvalidArgumentError("expected a JSON object");
  absl::Status status;
  VisitFields(*record, FieldReader(object, &status));
  return status;
}

template <typename R>
absl::StatusOr<Record> ParseAs(const Json& object) {
  R record;
  CR_RETURN_IF_ERROR(FromJson(object, &record));
  return Record(std::move(record));
}

struct LineSpan {
  std::string text;
  bool is_complete = false;  // Ends with a newline.
};

std::vector<LineSpan> SplitLines(const std::string& content) {
  std::vector<LineSpan> lines;
  size_t begin = 0;
  while (begin < content.size()) {
    const size_t end = content.find('\n', begin);
    const bool is_complete = end != std::string::npos;
    lines.push_back(
        {content.substr(begin, is_complete ? end - begin : std::string::npos), is_complete});
    begin = is_complete ? end + 1 : content.size();
  }
  return lines;
}

// Calls visit(line, record) for each whole line; says whether the last one was torn.
template <typename Visit>
absl::StatusOr<bool> ForEachRecord(const std::string& path,
                                   const std::string& content,
                                   Visit&& visit) {
  const std::vector<LineSpan> lines = SplitLines(content);
  for (size_t i = 0; i < lines.size(); ++i) {
    absl::StatusOr<Record> record = ParseRecord(lines[i].text);
    const bool is_last = i + 1 == lines.size();
    if (is_last && (!lines[i].is_complete || !record.ok())) return true;
    if (!record.ok()) return base::Annotate(record.status(), absl::StrCat(path, ":", i + 1));
    visit(lines[i].text, *std::move(record));
  }
  return false;
}

// Leaves only whole lines: cuts off what follows the last newline, and a last line that is not a
// record.
absl::Status CutTornTail(const std::string& path) {
  if (!base::FileExists(path)) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const std::string content, base::ReadFile(path));
  const size_t newline = content.rfind('\n');
  size_t whole = newline == std::string::npos ? 0 : newline + 1;
  if (whole > 0) {
    const size_t previous = whole > 1 ? content.rfind('\n', whole - 2) : std::string::npos;
    const size_t begin = previous == std::string::npos ? 0 : previous + 1;
    if (!ParseRecord(content.substr(begin, whole - 1 - begin)).ok()) whole = begin;
  }
  if (whole == content.size()) return absl::OkStatus();
  CR_LOG(WARNING) << path << ": cut " << content.size() - whole
                  << " bytes of a line that was not finished";
  if (::truncate(path.c_str(), static_cast<off_t>(whole)) != 0) {
    return base::ErrnoStatus(errno, absl::StrCat("cannot cut the torn last line of ", path));
  }
  return absl::OkStatus();
}

}  // namespace

std::string FormatRecord(const Record& record) {
  const Json object = std::visit([](const auto& r) { return ToJson(r); }, record);
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<Record> ParseRecord(const std::string& line) {
  const Json object = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::InvalidArgumentError("expected one JSON object per line");
  const auto kind = object.find("kind");
  if (kind == object.end() || !kind->is_string())
    return absl::InvalidArgumentError("field \"kind\" is missing");
  const std::string& name = kind->get_ref<const std::string&>();
  if (name == kKind<SftStep>) return ParseAs<SftStep>(object);
  if (name == kKind<RlStep>) return ParseAs<RlStep>(object);
  if (name == kKind<Evaluation>) return ParseAs<Evaluation>(object);
  if (name == kKind<Samples>) return ParseAs<Samples>(object);
  if (name == kKind<Event>) return ParseAs<Event>(object);
  return absl::InvalidArgumentError(absl::StrCat(
      "kind \"", name, "\" is not one of sft_step, rl_step, evaluation, samples, event"));
}

absl::StatusOr<std::unique_ptr<RunLogWriter>> RunLogWriter::Open(const std::string& path) {
  CR_RETURN_IF_ERROR(CutTornTail(path));
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return base::ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  return std::unique_ptr<RunLogWriter>(new RunLogWriter(path, fd));
}

RunLogWriter::~RunLogWriter() { ::close(fd_); }

absl::Status RunLogWriter::Append(const Record& record) {
  const std::string line = FormatRecord(record) + "\n";
  absl::MutexLock lock(&mu_);
  struct stat before {};
  if (::fstat(fd_, &before) != 0)
    return base::ErrnoStatus(errno, absl::StrCat("cannot inspect ", path_));
  size_t written = 0;
  while (written < line.size()) {
    const ssize_t n = ::write(fd_, line.data() + written, line.size() - written);
    if (n >= 0) {
      written += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      const absl::Status status =
          base::ErrnoStatus(errno, absl::StrCat("cannot append to ", path_));
      // Removes the partial line, so that the next one starts on its own line; if that fails, the
      // next write reports it.
      if (::ftruncate(fd_, before.st_size) != 0)
        CR_LOG(WARNING) << path_ << ": a part of a line is left";
      return status;
    }
  }
  return absl::OkStatus();
}

void AddRecord(Record record, RunLog* log) {
  if (auto* sft = std::get_if<SftStep>(&record)) {
    while (!log->sft_steps.empty() && log->sft_steps.back().step >= sft->step)
      log->sft_steps.pop_back();
    log->sft_steps.push_back(*sft);
  } else if (auto* rl = std::get_if<RlStep>(&record)) {
    while (!log->rl_steps.empty() && log->rl_steps.back().step >= rl->step)
      log->rl_steps.pop_back();
    log->rl_steps.push_back(std::move(*rl));
  } else if (auto* evaluation = std::get_if<Evaluation>(&record)) {
    std::erase_if(log->evaluations, [evaluation](const Evaluation& other) {
      return other.stage == evaluation->stage && other.split == evaluation->split &&
             other.step == evaluation->step;
    });
    log->evaluations.push_back(std::move(*evaluation));
  } else if (auto* samples = std::get_if<Samples>(&record)) {
    std::erase_if(log->samples, [samples](const Samples& other) {
      return other.stage == samples->stage && other.step == samples->step;
    });
    log->samples.push_back(std::move(*samples));
  } else {
    log->events.push_back(std::move(std::get<Event>(record).text));
  }
}

absl::StatusOr<RunLog> ReadRunLog(const std::string& path) {
  CR_ASSIGN_OR_RETURN(const std::string content, base::ReadFile(path));
  RunLog log;
  CR_ASSIGN_OR_RETURN(log.has_torn_tail,
                      ForEachRecord(path, content, [&log](const std::string&, Record record) {
                        AddRecord(std::move(record), &log);
                      }));
  return log;
}

absl::Status TruncateAfter(const std::string& path, RunPosition position) {
  if (!base::FileExists(path)) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const std::string content, base::ReadFile(path));
  std::string kept;
  kept.reserve(content.size());
  CR_ASSIGN_OR_RETURN(
      [[maybe_unused]] const bool is_torn,
      ForEachRecord(path, content, [&](const std::string& line, const Record& record) {
        if (!HasPosition(record) || PositionOf(record) <= position)
          absl::StrAppend(&kept, line, "\n");
      }));
  if (kept == content) return absl::OkStatus();
  return base::WriteFileAtomically(path, kept);
}

bool HasEvaluation(const RunLog& log, RunPosition position, Split split) {
  return std::any_of(
      log.evaluations.begin(), log.evaluations.end(), [&](const Evaluation& evaluation) {
        return evaluation.split == split &&
               RunPosition{evaluation.stage, evaluation.step} == position;
      });
}

}  // namespace convrec::report
