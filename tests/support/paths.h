// Paths of the checkout and its build, so that tests find their files wherever they are started.
#pragma once

#include <string>
#include <string_view>

namespace convrec {

// `path` below the checkout, for example "tests/golden/line_cases.jsonl".
std::string SourcePath(std::string_view path);
// `path` below the build folder, for example "bin/convrec".
std::string BuildPath(std::string_view path);

}  // namespace convrec
