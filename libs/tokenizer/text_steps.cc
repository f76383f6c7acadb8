#include "libs/tokenizer/text_steps.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/tokenizer/families.h"
#include "libs/tokenizer/split_regex.h"
#include "libs/tokenizer/token_id.h"

namespace convrec::tokenizer {
namespace {

using json::JsonObject;
using Json = nlohmann::json;

// In every file seen, sequences hold steps, not further sequences; a few levels are supported all
// the same.
constexpr int kMaxNesting = 8;

// The "pattern" of a step, {"String": ...} or {"Regex": ...}, as a regex.
absl::StatusOr<std::string> ReadPattern(const JsonObject& step) {
  CR_ASSIGN_OR_RETURN(const JsonObject pattern, step.Object("pattern"));
  std::string regex;
  if (pattern.Find("Regex") != nullptr) {
    CR_ASSIGN_OR_RETURN(regex, pattern.String("Regex"));
  } else {
    CR_ASSIGN_OR_RETURN(const std::string text, pattern.String("String"));
    regex = EscapeRegex(text);
  }
  if (regex.empty()) return step.Error("pattern", "is empty");
  if (const auto compiled = SplitRegex::Create(regex); !compiled.ok()) {
    return step.Error("pattern", absl::StrCat("is malformed: ", compiled.status().message()));
  }
  return regex;
}

// The steps of a sequence, in order.
absl::Status ForEachStep(const JsonObject& sequence,
                         const std::string& key,
                         const std::function<absl::Status(const JsonObject&)>& read) {
  CR_ASSIGN_OR_RETURN(const std::vector<JsonObject> steps, sequence.Objects(key));
  for (const JsonObject& step : steps) CR_RETURN_IF_ERROR(read(step));
  return absl::OkStatus();
}

std::optional<UnicodeForm> FormOf(const std::string& type) {
  if (type == "NFC") return UnicodeForm::kNfc;
  if (type == "NFD") return UnicodeForm::kNfd;
  if (type == "NFKC") return UnicodeForm::kNfkc;
  if (type == "NFKD") return UnicodeForm::kNfkd;
  return std::nullopt;
}

absl::Status ReadNormalizer(const JsonObject& json,
                            int nesting,
                            std::vector<NormalizerStep>* steps) {
  CR_ASSIGN_OR_RETURN(const std::string type, json.String("type"));
  if (type == "Sequence" && nesting < kMaxNesting) {
    return ForEachStep(json, "normalizers", [&](const JsonObject& step) {
      return ReadNormalizer(step, nesting + 1, steps);
    });
  }
  NormalizerStep step;
  if (const auto form = FormOf(type)) {
    step.form = *form;
  } else if (type == "Prepend") {
    step.kind = NormalizerStep::Kind::kPrepend;
    CR_ASSIGN_OR_RETURN(step.text, json.String("prepend"));
  } else if (type == "Replace") {
    step.kind = NormalizerStep::Kind::kReplace;
    CR_ASSIGN_OR_RETURN(step.regex, ReadPattern(json));
    CR_ASSIGN_OR_RETURN(step.text, json.String("content"));
  } else {
    return json.Error(
        "type",
        absl::StrCat(
            "is '", type, "', expected NFC, NFD, NFKC, NFKD, Prepend, Replace or Sequence"));
  }
  steps->push_back(std::move(step));
  return absl::OkStatus();
}

absl::StatusOr<SplitBehavior> ReadBehavior(const JsonObject& split) {
  CR_ASSIGN_OR_RETURN(const std::string name, split.String("behavior"));
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return split.Error("behavior",
                     absl::StrCat("is '",
                                  name,
                                  "', expected Isolated, Removed, MergedWithPrevious, ",
                                  "MergedWithNext or Contiguous"));
}

absl::StatusOr<PreTokenizerStep> ReadSplit(const JsonObject& split) {
  PreTokenizerStep step;
  CR_ASSIGN_OR_RETURN(step.regex, ReadPattern(split));
  CR_ASSIGN_OR_RETURN(step.behavior, ReadBehavior(split));
  CR_ASSIGN_OR_RETURN(step.invert, split.Bool("invert", false));
  return step;
}

// Which texts a Metaspace step puts a space before.
absl::StatusOr<PrefixSpace> ReadPrependScheme(const JsonObject& json) {
  CR_ASSIGN_OR_RETURN(const std::string scheme, json.String("prepend_scheme", "always"));
  // Older files have only this field, newer ones both.
  CR_ASSIGN_OR_RETURN(const bool has_prefix, json.Bool("add_prefix_space", true));
  const bool is_old = json.Find("prepend_scheme") == nullptr;
  if (scheme == "never" || (is_old && !has_prefix)) return PrefixSpace::kNone;
  if (!has_prefix) {
    return json.Error("add_prefix_space",
                      absl::StrCat("is false, but prepend_scheme is '", scheme, "'"));
  }
  if (scheme == "first") return PrefixSpace::kFirst;
  if (scheme == "always") return PrefixSpace::kEach;
  return json.Error("prepend_scheme",
                    absl::StrCat("is '", scheme, "', expected first, always or never"));
}

absl::StatusOr<PreTokenizerStep> ReadMetaspace(const JsonObject& json) {
  PreTokenizerStep step;
  CR_ASSIGN_OR_RETURN(step.space, json.String("replacement"));
  if (step.space.empty()) return json.Error("replacement", "is empty");
  CR_ASSIGN_OR_RETURN(step.prefix_space, ReadPrependScheme(json));
  CR_ASSIGN_OR_RETURN(const bool splits, json.Bool("split", true));
  if (splits) step.regex = EscapeRegex(step.space);
  step.behavior = SplitBehavior::kMergedWithNext;
  return step;
}

absl::StatusOr<PreTokenizerStep> ReadByteLevel(const JsonObject& json) {
  PreTokenizerStep step;
  CR_ASSIGN_OR_RETURN(const bool add_prefix_space, json.Bool("add_prefix_space", true));
  CR_ASSIGN_OR_RETURN(const bool use_regex, json.Bool("use_regex", true));
  if (add_prefix_space) step.prefix_space = PrefixSpace::kEach;
  if (use_regex) step.regex = kGpt2SplitRegex;
  return step;
}

absl::StatusOr<PreTokenizerStep> ReadDigits(const JsonObject& json) {
  PreTokenizerStep step;
  CR_ASSIGN_OR_RETURN(const bool individual, json.Bool("individual_digits", false));
  step.regex = R"(\p{N})";
  step.behavior = individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
  return step;
}

// Appends the steps of a pre-tokenizer. `has_byte_level` tells whether ByteLevel has occurred,
// which must be the last step, because a later one would see the byte-level alphabet instead of
// text.
absl::Status ReadPreTokenizer(const JsonObject& json,
                              int nesting,
                              bool* has_byte_level,
                              std::vector<PreTokenizerStep>* steps) {
  CR_ASSIGN_OR_RETURN(const std::string type, json.String("type"));
  if (*has_byte_level) return json.Error("", "comes after ByteLevel, which must be the last step");
  if (type == "Sequence" && nesting < kMaxNesting) {
    return ForEachStep(json, "pretokenizers", [&](const JsonObject& step) {
      return ReadPreTokenizer(step, nesting + 1, has_byte_level, steps);
    });
  }
  absl::StatusOr<PreTokenizerStep> step;
  if (type == "ByteLevel") {
    step = ReadByteLevel(json);
    *has_byte_level = true;
  } else if (type == "Metaspace") {
    step = ReadMetaspace(json);
  } else if (type == "Digits") {
    step = ReadDigits(json);
  } else if (type == "Split") {
    step = ReadSplit(json);
  } else {
    step = json.Error(
        "type",
        absl::StrCat("is '", type, "', expected ByteLevel, Metaspace, Split, Digits or Sequence"));
  }
  CR_RETURN_IF_ERROR(step.status());
  steps->push_back(*std::move(step));
  return absl::OkStatus();
}

// Appends the ids of one special token of a template.
absl::Status AppendTemplateToken(const JsonObject& processor,
                                 const std::string& name,
                                 std::vector<int32_t>* ids) {
  CR_ASSIGN_OR_RETURN(const JsonObject tokens, processor.Object("special_tokens"));
  CR_ASSIGN_OR_RETURN(const JsonObject token, tokens.Object(name));
  CR_ASSIGN_OR_RETURN(const Json* array, token.Array("ids"));
  for (const Json& value : *array) {
    const std::optional<int32_t> id = AsId(value);
    if (!id) return token.Error("ids", "must be token ids (whole numbers from 0)");
    ids->push_back(*id);
  }
  return absl::OkStatus();
}

absl::Status ReadTemplate(const JsonObject& processor, TokenizerDefinition* definition) {
  CR_ASSIGN_OR_RETURN(const std::vector<JsonObject> single, processor.Objects("single"));
  bool after_text = false;
  for (const JsonObject& piece : single) {
    if (piece.Find("Sequence") != nullptr) {
      if (after_text) return processor.Error("single", "holds the text twice");
      after_text = true;
      continue;
    }
    CR_ASSIGN_OR_RETURN(const JsonObject special, piece.Object("SpecialToken"));
    CR_ASSIGN_OR_RETURN(const std::string name, special.String("id"));
    CR_RETURN_IF_ERROR(AppendTemplateToken(
        processor, name, after_text ? &definition->suffix_ids : &definition->prefix_ids));
  }
  if (!after_text) return processor.Error("single", "lacks the text (Sequence)");
  return absl::OkStatus();
}

absl::Status ReadPostProcessor(const JsonObject& json,
                               int nesting,
                               TokenizerDefinition* definition) {
  CR_ASSIGN_OR_RETURN(const std::string type, json.String("type"));
  if (type == "ByteLevel")
    return absl::OkStatus();  // Affects only offsets, which are not kept
                              // here.
  if (type == "TemplateProcessing") {
    if (definition->prefix_ids.empty() && definition->suffix_ids.empty()) {
      return ReadTemplate(json, definition);
    }
    return json.Error("type", "is a second TemplateProcessing, which is not supported");
  }
  if (type != "Sequence" || nesting >= kMaxNesting) {
    return json.Error(
        "type",
        absl::StrCat("is '", type, "', expected ByteLevel, TemplateProcessing or Sequence"));
  }
  return ForEachStep(json, "processors", [&](const JsonObject& step) {
    return ReadPostProcessor(step, nesting + 1, definition);
  });
}

// A decoder's Replace and Metaspace: one text in each token becomes another.
absl::Status ReadReplacement(const JsonObject& json,
                             const std::string& type,
                             TokenDecoder* decoder) {
  std::pair<std::string, std::string> replacement;
  if (type == "Metaspace") {
    CR_ASSIGN_OR_RETURN(replacement.first, json.String("replacement"));
    replacement.second = " ";
    CR_ASSIGN_OR_RETURN(const PrefixSpace scheme, ReadPrependScheme(json));
    decoder->left_out.all_of_first_token = scheme != PrefixSpace::kNone;
  } else {
    CR_ASSIGN_OR_RETURN(const JsonObject pattern, json.Object("pattern"));
    CR_ASSIGN_OR_RETURN(replacement.first, pattern.String("String"));
    CR_ASSIGN_OR_RETURN(replacement.second, json.String("content"));
  }
  if (replacement.first.empty()) return json.Error("", "replaces nothing");
  decoder->replacements.push_back(std::move(replacement));
  return absl::OkStatus();
}

absl::Status ReadStrip(const JsonObject& json, TokenDecoder* decoder) {
  CR_ASSIGN_OR_RETURN(const std::string content, json.String("content"));
  if (content != " ") return json.Error("content", "must be one space");
  const Json* stop = json.Find("stop");
  if (stop != nullptr && *stop != 0) {
    return json.Error("stop", "must be 0: the end of a text is not known while it is generated");
  }
  CR_ASSIGN_OR_RETURN(const int64_t start, json.Integer("start", 0, INT32_MAX));
  decoder->left_out.at_most = static_cast<int32_t>(start);
  return absl::OkStatus();
}

// Reads the steps of a decoder. `is_fused` tells whether the tokens have been joined into one text.
absl::Status ReadDecoder(const JsonObject& json,
                         int nesting,
                         bool* is_fused,
                         TokenDecoder* decoder) {
  CR_ASSIGN_OR_RETURN(const std::string type, json.String("type"));
  if (type == "Sequence" && nesting < kMaxNesting) {
    return ForEachStep(json, "decoders", [&](const JsonObject& step) {
      return ReadDecoder(step, nesting + 1, is_fused, decoder);
    });
  }
  if (type == "Fuse") {
    *is_fused = true;
    return absl::OkStatus();
  }
  if (type == "Strip") {
    if (*is_fused) return ReadStrip(json, decoder);
    return json.Error("", "comes before Fuse, expected after it");
  }
  if (type != "Replace" && type != "Metaspace" && type != "ByteFallback") {
    return json.Error("type",
                      absl::StrCat("is '",
                                   type,
                                   "', expected Replace, Metaspace, ByteFallback, Fuse, Strip or ",
                                   "Sequence"));
  }
  if (*is_fused) return json.Error("", "comes after Fuse, expected before it");
  if (type != "ByteFallback") return ReadReplacement(json, type, decoder);
  decoder->reads_byte_tokens = true;
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadTextSteps(const JsonObject& root, TokenizerDefinition* definition) {
  if (root.Find("normalizer") != nullptr) {
    CR_ASSIGN_OR_RETURN(const JsonObject normalizer, root.Object("normalizer"));
    CR_RETURN_IF_ERROR(ReadNormalizer(normalizer, 0, &definition->normalizers));
  }
  bool has_byte_level = false;
  if (root.Find("pre_tokenizer") != nullptr) {
    CR_ASSIGN_OR_RETURN(const JsonObject pre_tokenizer, root.Object("pre_tokenizer"));
    CR_RETURN_IF_ERROR(
        ReadPreTokenizer(pre_tokenizer, 0, &has_byte_level, &definition->pre_tokenizer));
  }
  if (!has_byte_level) {
    definition->alphabet = TokenAlphabet::kCharacters;
    if (root.Find("decoder") == nullptr) {
      return root.Error("decoder",
                        "is missing, and the pre-tokenizer is not ByteLevel: how tokens become "
                        "text is not known");
    }
    CR_ASSIGN_OR_RETURN(const JsonObject decoder, root.Object("decoder"));
    bool is_fused = false;
    CR_RETURN_IF_ERROR(ReadDecoder(decoder, 0, &is_fused, &definition->decoder));
  }
  if (root.Find("post_processor") == nullptr) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const JsonObject post_processor, root.Object("post_processor"));
  return ReadPostProcessor(post_processor, 0, definition);
}

}  // namespace convrec::tokenizer
