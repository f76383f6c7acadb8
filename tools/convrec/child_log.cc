#include "tools/convrec/child_log.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace convrec::cli {
namespace {

constexpr size_t kMaxKept = 40;
constexpr int kMaxPerWindow = 20;
constexpr absl::Duration kWindow = absl::Minutes(1);

// Where the severity begins in a line of libs/base/log.h; npos for any other line.
size_t SeverityAt(const std::string& line) {
  const size_t space = line.find(' ');
  const bool has_stamp =
      space != std::string::npos && space >= 20 && line[4] == '-' && line[space - 1] == 'Z';
  return has_stamp ? space + 1 : std::string::npos;
}

bool HasSeverity(const std::string& line, const char* severity) {
  const size_t at = SeverityAt(line);
  return at != std::string::npos &&
         line.compare(at, std::char_traits<char>::length(severity), severity) == 0;
}

}  // namespace

std::string WithoutStamp(const std::string& line) {
  const size_t severity = SeverityAt(line);
  if (severity == std::string::npos) return line;
  const size_t role = line.find(' ', severity);
  const size_t bracket = line.find("] ", severity);
  if (role == std::string::npos || bracket == std::string::npos || bracket < role) return line;
  return absl::StrCat(line.substr(severity, role - severity), " ", line.substr(bracket + 2));
}

ChildLog::ChildLog(const std::string& name, const std::string& path)
    : name_(name), path_(path), follower_(path, report::LineFollower::Start::kEnd) {}

void ChildLog::Read() {
  for (std::string& line : follower_.Poll()) {
    if (HasSeverity(line, "WARNING ") || HasSeverity(line, "ERROR ")) unseen_.push_back(line);
    last_lines_.push_back(std::move(line));
  }
  if (last_lines_.size() > kMaxKept)
    last_lines_.erase(last_lines_.begin(), last_lines_.end() - kMaxKept);
}

std::vector<std::string> ChildLog::NewWarnings(absl::Time now) {
  Read();
  if (now - window_start_ >= kWindow) {
    window_start_ = now;
    num_in_window_ = 0;
  }
  std::vector<std::string> lines;
  for (const std::string& line : unseen_) {
    if (++num_in_window_ <= kMaxPerWindow) {
      lines.push_back(absl::StrCat("[", name_, "] ", WithoutStamp(line)));
    } else if (num_in_window_ == kMaxPerWindow + 1) {
      lines.push_back(absl::StrCat("[", name_, "] more warnings are in ", path_));
    }
  }
  unseen_.clear();
  return lines;
}

std::vector<std::string> ChildLog::LastLines(size_t count) {
  Read();
  const size_t n = std::min(count, last_lines_.size());
  return {last_lines_.end() - static_cast<std::ptrdiff_t>(n), last_lines_.end()};
}

std::string ChildLog::Reason() {
  Read();
  for (auto line = last_lines_.rbegin(); line != last_lines_.rend(); ++line) {
    if (!HasSeverity(*line, "ERROR ")) continue;
    const std::string text = WithoutStamp(*line);
    return text.starts_with("ERROR ") ? text.substr(6) : text;
  }
  return last_lines_.empty() ? "" : WithoutStamp(last_lines_.back());
}

}  // namespace convrec::cli
