#include "libs/model/config_digest.h"

#include "libs/base/digest.h"

namespace convrec::model {

std::string ConfigDigest(const ModelConfig& config) {
  ModelConfig shape = config;
  shape.initializer_range = 0;  // Affects only the values that are drawn.
  // Which tokens begin and end a text is up to the tokenizer.
  shape.bos_token_id.reset();
  shape.eos_token_ids.clear();
  shape.pad_token_id.reset();
  return base::DigestOf(ToConfigJson(shape, ""));
}

}  // namespace convrec::model
