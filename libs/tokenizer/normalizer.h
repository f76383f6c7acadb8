// Normalizes a text before it is split: Unicode forms, replacements, a prepended text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/text_place.h"

namespace convrec::tokenizer {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

struct NormalizerStep {
  enum class Kind { kUnicodeForm, kPrepend, kReplace };
  Kind kind = Kind::kUnicodeForm;
  UnicodeForm form = UnicodeForm::kNfc;
  std::string regex;  // For kReplace: every match becomes `text`.
  std::string text;   // For kPrepend: prepended to a non-empty text.
};

// Immutable after Create(); thread-safe.
class Normalizer final {
 public:
  Normalizer();
  ~Normalizer();
  Normalizer(Normalizer&&) noexcept;
  Normalizer& operator=(Normalizer&&) noexcept;

  // InvalidArgument for a malformed regex; Internal when ICU lacks its data.
  static absl::StatusOr<Normalizer> Create(const std::vector<NormalizerStep>& steps);

  bool empty() const { return steps_.empty(); }
  // Nothing is prepended to a continuation. `text` must be valid UTF-8.
  std::string Normalize(std::string_view text, TextPlace place) const;

 private:
  class Step;
  std::vector<std::unique_ptr<const Step>> steps_;
};

}  // namespace convrec::tokenizer
