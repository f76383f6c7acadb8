#include "tools/generate/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "libs/base/stop_signal.h"

namespace convrec::generate {

std::optional<std::string> LineReader::Next() {
  while (true) {
    if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (is_at_end_) {
      if (buffer_.empty()) return std::nullopt;
      return std::exchange(buffer_, "");
    }
    // The time limit covers a signal that comes just before the wait.
    pollfd input{fd_, POLLIN, 0};
    const int ready = ::poll(&input, 1, /*timeout in ms=*/200);
    if (base::StopRequested()) return std::nullopt;
    if (ready <= 0) continue;
    char bytes[4096];
    const ssize_t count = ::read(fd_, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      is_at_end_ = true;
    } else {
      buffer_.append(bytes, static_cast<size_t>(count));
    }
  }
}

}  // namespace convrec::generate
