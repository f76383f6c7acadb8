// The text of configs/defaults.yaml, as it was at build time.
#pragma once

namespace convrec::config {

extern const char kDefaultsYaml[];

}  // namespace convrec::config
