#include "libs/model/config_digest.h"

#include "libs/base/digest.h"

namespace convrec::model {

std::string ConfigDigest(const ModelConfig& config) {
  ModelConfig shape = config;
  shape.initializer_range = 0;  // Of values that are drawn, not of what is computed from them.
  return base::DigestOf(ToConfigJson(shape, ""));
}

}  // namespace convrec::model
