// Lines of standard input, until a stop signal.
#pragma once

#include <optional>
#include <string>

namespace convrec::generate {

// Not thread-safe.
class LineReader final {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  // Blocks until a line is available (returned without its line break), or returns nullopt at the
  // end of the input and once a stop was requested. A last line without a line break counts.
  std::optional<std::string> Next();

 private:
  const int fd_;
  std::string buffer_;
  bool is_at_end_ = false;
};

}  // namespace convrec::generate
