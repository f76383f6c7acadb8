#include "libs/base/log.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace convrec::base {
namespace {

std::string& Role() {
  static std::string* role = new std::string("convrec");
  return *role;
}

const char* Name(LogSeverity severity) {
  switch (severity) {
    case LogSeverity::INFO:
      return "INFO";
    case LogSeverity::WARNING:
      return "WARNING";
    case LogSeverity::ERROR:
      return "ERROR";
  }
  return "?";
}

}  // namespace

void SetLogRole(const std::string& role) { Role() = role; }

LogLine::~LogLine() {
  std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()),
                   " ",
                   Name(severity_),
                   " ",
                   Role(),
                   "] ",
                   stream_.str(),
                   "\n");
  // One write, so that lines of several threads and processes never interleave.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace convrec::base
