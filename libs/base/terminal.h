// Whether a stream is a terminal that rewrites its lines.
#pragma once

namespace convrec::base {

// False for files and pipes, and where TERM is "dumb" or not set: these get plain lines without
// control characters.
bool RewritesLines(int fd);

}  // namespace convrec::base
