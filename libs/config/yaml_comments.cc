#include "libs/config/yaml_comments.h"

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace convrec::config {
namespace {

constexpr size_t kIndent = 2;

}  // namespace

std::map<std::string, std::vector<std::string>> ReadComments(const std::string& yaml) {
  std::map<std::string, std::vector<std::string>> comments;
  std::vector<std::string> pending;
  std::vector<std::string> path;
  size_t block_level = std::string::npos;  // Level of the key whose text runs on, if one does.
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(yaml, '\n'))) {
    const size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) {
      pending.clear();
      continue;
    }
    const size_t level = indent / kIndent;
    if (block_level != std::string::npos && level > block_level) continue;
    block_level = std::string::npos;
    if (line[indent] == '#') {
      const size_t begin = line.find_first_not_of("# ", indent);
      pending.push_back(begin == std::string::npos ? "" : line.substr(begin));
      continue;
    }
    path.resize(level);
    path.push_back(line.substr(indent, line.find(':', indent) - indent));
    comments[absl::StrJoin(path, ".")] = std::move(pending);
    pending.clear();
    if (line.ends_with("|-")) block_level = level;
  }
  return comments;
}

}  // namespace convrec::config
