// The documentation of every key, as text: what `--help` and docs/configuration.md show.
#pragma once

#include <string>

namespace convrec::config {

// docs/configuration.md: a table per section with key, type, default, meaning and rules.
std::string ReferenceMarkdown();

// The same for a terminal, for the keys at or below `prefix` ("" = all): "" when there is none.
std::string KeyHelp(const std::string& prefix);

// One line per section, for the end of a --help.
std::string SectionHelp();

}  // namespace convrec::config
