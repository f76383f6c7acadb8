// Reads models and tokenizers in the llama2.c format, for parity tests against its recorded texts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/model/decoder.h"

namespace convrec::model {

// Dies if the file is not such a model.
std::unique_ptr<Decoder> ReadLlama2c(const std::string& path);

// Text pieces by id ("<0x0A>" denotes a byte).
std::vector<std::string> ReadLlama2cPieces(const std::string& path, int64_t vocab_size);

// The bytes that `piece` adds after `previous_id`.
std::string PieceBytes(const std::string& piece, int64_t previous_id);

}  // namespace convrec::model
