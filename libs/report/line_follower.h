// Reads the new whole lines of a file that another process appends to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convrec::report {

// Never blocks. A file that does not exist yet has no lines. A file that was replaced or truncated
// is followed from its end, so that nothing is shown twice. Not thread-safe.
class LineFollower final {
 public:
  enum class Start { kBeginning, kEnd };  // Whether existing lines count as new.

  LineFollower(const std::string& path, Start start);

  // The whole lines added since the last call, without their newlines.
  std::vector<std::string> Poll();

 private:
  const std::string path_;
  bool has_seen_file_ = false;
  uint64_t inode_ = 0;
  int64_t offset_ = 0;
  std::string partial_;  // Bytes after the last newline.
};

}  // namespace convrec::report
