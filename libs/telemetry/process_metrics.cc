#include "libs/telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace convrec::telemetry {
namespace {

using prometheus::MetricType;

// Positions of /proc/self/stat after the command's ")", which are field numbers minus 3 of proc(5).
constexpr size_t kUserTicks = 11;
constexpr size_t kSystemTicks = 12;
constexpr size_t kNumThreads = 17;
constexpr size_t kStartTicks = 19;
constexpr size_t kVirtualBytes = 20;
constexpr size_t kResidentPages = 21;

std::string ReadAll(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::optional<double> NumberAt(const std::vector<std::string>& fields, size_t index) {
  double value = 0;
  if (index >= fields.size() || !absl::SimpleAtod(fields[index], &value)) return std::nullopt;
  return value;
}

// Seconds since 1970 at which the machine started: the "btime" line of /proc/stat.
std::optional<double> BootTime() {
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(ReadAll("/proc/stat"), '\n'))) {
    if (line.starts_with("btime ")) return NumberAt({line.substr(6)}, 0);
  }
  return std::nullopt;
}

std::optional<double> CountOpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return std::nullopt;
  return static_cast<double>(std::distance(begin(files), end(files)) -
                             1);  // Without the one used for reading.
}

class Collector final {
 public:
  explicit Collector(const Labels& labels) {
    for (const auto& [name, value] : labels) labels_.push_back({name, value});
  }

  void Add(const std::string& name,
           const std::string& help,
           MetricType type,
           std::optional<double> value) {
    if (!value) return;
    prometheus::ClientMetric metric;
    metric.label = labels_;
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
    families_.push_back({name, help, type, {metric}});
  }

  std::vector<prometheus::MetricFamily> Take() { return std::move(families_); }

 private:
  std::vector<prometheus::ClientMetric::Label> labels_;
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace

std::vector<prometheus::MetricFamily> CollectProcessMetrics(const Labels& labels) {
  const std::string stat = ReadAll("/proc/self/stat");
  const size_t command_end = stat.rfind(')');  // The command may hold spaces and brackets itself.
  std::vector<std::string> fields;
  if (command_end != std::string::npos)
    fields = absl::StrSplit(stat.substr(command_end + 1), ' ', absl::SkipWhitespace());
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  const auto scaled = [&fields](size_t index, double factor) {
    std::optional<double> value = NumberAt(fields, index);
    if (value) *value *= factor;
    return value;
  };

  Collector collector(labels);
  const auto user_s = scaled(kUserTicks, 1 / ticks_per_second),
             system_s = scaled(kSystemTicks, 1 / ticks_per_second);
  if (user_s && system_s) {
    collector.Add("process_cpu_seconds_total",
                  "User and system processor time in seconds.",
                  MetricType::Counter,
                  *user_s + *system_s);
  }
  collector.Add("process_resident_memory_bytes",
                "Memory in use in bytes.",
                MetricType::Gauge,
                scaled(kResidentPages, page_bytes));
  collector.Add("process_virtual_memory_bytes",
                "Address space in use in bytes.",
                MetricType::Gauge,
                scaled(kVirtualBytes, 1));
  collector.Add(
      "process_threads", "Threads of the process.", MetricType::Gauge, scaled(kNumThreads, 1));
  const auto start_s = scaled(kStartTicks, 1 / ticks_per_second), boot_s = BootTime();
  if (start_s && boot_s) {
    collector.Add("process_start_time_seconds",
                  "When the process started, in seconds since 1970.",
                  MetricType::Gauge,
                  *boot_s + *start_s);
  }
  collector.Add("process_open_fds", "Open file descriptors.", MetricType::Gauge, CountOpenFiles());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    collector.Add("process_max_fds",
                  "Most file descriptors the process may open.",
                  MetricType::Gauge,
                  static_cast<double>(limit.rlim_cur));
  }
  return collector.Take();
}

}  // namespace convrec::telemetry
