#include "libs/base/usable_cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"

namespace convrec::base {
namespace {

constexpr char kControlGroups[] = "/sys/fs/cgroup";

int CoresOfAffinity() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::string ReadOrEmpty(const std::string& path) { return ReadFile(path).value_or(""); }

double QuotaOfVersion1(const std::string& folder) {
  return CoresOfQuota(absl::StrCat(ReadOrEmpty(JoinPath(folder, "cpu.cfs_quota_us")),
                                   " ",
                                   ReadOrEmpty(JoinPath(folder, "cpu.cfs_period_us"))));
}

// The smallest quota of `group` and the groups above it; 0 = none. Inside a container the path may
// name the host's hierarchy, of which only the root is mounted, so the root is always checked.
template <typename QuotaOf>
double SmallestQuota(const std::string& root, std::string group, const QuotaOf& quota_of) {
  double smallest = 0;
  while (true) {
    const double quota = quota_of(absl::StrCat(root, group));
    if (quota > 0 && (smallest == 0 || quota < smallest)) smallest = quota;
    if (group.empty()) return smallest;
    group.resize(group.find_last_of('/'));
  }
}

// `line` of /proc/self/cgroup: "0::/a/b" (version 2) or "4:cpu,cpuacct:/a/b".
double QuotaOfLine(const std::string& line) {
  const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
  if (fields.size() != 3 || !absl::StartsWith(fields[2], "/")) return 0;
  const std::string group = fields[2] == "/" ? "" : fields[2];
  if (fields[1].empty()) {
    return SmallestQuota(kControlGroups, group, [](const std::string& folder) {
      return CoresOfQuota(ReadOrEmpty(JoinPath(folder, "cpu.max")));
    });
  }
  const std::vector<std::string> controllers = absl::StrSplit(fields[1], ',');
  if (std::find(controllers.begin(), controllers.end(), "cpu") == controllers.end()) return 0;
  return SmallestQuota(absl::StrCat(kControlGroups, "/cpu"), group, QuotaOfVersion1);
}

}  // namespace

double CoresOfQuota(const std::string& quota_and_period) {
  const std::vector<std::string> words =
      absl::StrSplit(quota_and_period, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  double quota = 0;
  double period = 0;
  if (words.size() != 2 || !absl::SimpleAtod(words[0], &quota) ||
      !absl::SimpleAtod(words[1], &period)) {
    return 0;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

int UsableCores() {
  int cores = CoresOfAffinity();
  const std::string groups = ReadOrEmpty("/proc/self/cgroup");
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(groups, '\n'))) {
    const double quota = QuotaOfLine(line);
    if (quota > 0) cores = std::min(cores, static_cast<int>(std::ceil(quota)));
  }
  return std::max(1, cores);
}

}  // namespace convrec::base
