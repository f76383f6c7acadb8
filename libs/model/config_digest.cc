#include "libs/model/config_digest.h"

#include "libs/base/digest.h"

namespace convrec::model {

std::string ConfigDigest(const ModelConfig& config) {
  ModelConfig shape = config;
  shape.initializer_range = 0;  // Of values that are drawn, not of what is computed from them.
  // Which tokens begin and end a text is the tokenizer's affair.
  shape.bos_token_id.reset();
  shape.eos_token_ids.clear();
  shape.pad_token_id.reset();
  return base::DigestOf(ToConfigJson(shape, ""));
}

}  // namespace convrec::model
