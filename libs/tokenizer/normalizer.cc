#include "libs/tokenizer/normalizer.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/tokenizer/split_regex.h"

namespace convrec::tokenizer {
namespace {

absl::StatusOr<const icu::Normalizer2*> NormalizerOf(UnicodeForm form) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = nullptr;
  switch (form) {
    case UnicodeForm::kNfc:
      normalizer = icu::Normalizer2::getNFCInstance(error);
      break;
    case UnicodeForm::kNfd:
      normalizer = icu::Normalizer2::getNFDInstance(error);
      break;
    case UnicodeForm::kNfkc:
      normalizer = icu::Normalizer2::getNFKCInstance(error);
      break;
    case UnicodeForm::kNfkd:
      normalizer = icu::Normalizer2::getNFKDInstance(error);
      break;
  }
  if (U_FAILURE(error)) {
    return absl::InternalError(
        absl::StrCat("the ICU library has no data to normalize text: ", u_errorName(error)));
  }
  return normalizer;
}

std::string ReplaceAll(const std::string& text,
                       const SplitRegex& regex,
                       const std::string& replacement) {
  std::string result;
  size_t end = 0;
  for (const SplitRegex::Match& match : regex.FindAll(text)) {
    result.append(text, end, match.begin - end);
    result += replacement;
    end = match.end;
  }
  return result.append(text, end);
}

}  // namespace

class Normalizer::Step final {
 public:
  static absl::StatusOr<std::unique_ptr<const Step>> Create(const NormalizerStep& plain) {
    auto step = std::make_unique<Step>();
    step->text_ = plain.text;
    if (plain.kind == NormalizerStep::Kind::kUnicodeForm) {
      CR_ASSIGN_OR_RETURN(step->form_, NormalizerOf(plain.form));
    } else if (plain.kind == NormalizerStep::Kind::kReplace) {
      CR_ASSIGN_OR_RETURN(step->regex_, SplitRegex::Create(plain.regex));
    }
    return step;
  }

  std::string Apply(std::string text, TextPlace place) const {
    if (form_ != nullptr) return InForm(std::move(text));
    if (regex_.has_value()) return ReplaceAll(text, *regex_, text_);
    return text.empty() || place == TextPlace::kContinuation ? text : text_ + text;
  }

 private:
  std::string InForm(std::string text) const {
    std::string result;
    icu::StringByteSink<std::string> sink(&result);
    UErrorCode error = U_ZERO_ERROR;
    form_->normalizeUTF8(
        0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, error);
    // Only running out of memory can fail here; the text is then unchanged.
    return U_SUCCESS(error) ? result : text;
  }

  // One of three: a form, a regex with the replacement for its matches, or a text to prepend.
  const icu::Normalizer2* form_ = nullptr;
  std::optional<SplitRegex> regex_;
  std::string text_;
};

Normalizer::Normalizer() = default;
Normalizer::~Normalizer() = default;
Normalizer::Normalizer(Normalizer&&) noexcept = default;
Normalizer& Normalizer::operator=(Normalizer&&) noexcept = default;

absl::StatusOr<Normalizer> Normalizer::Create(const std::vector<NormalizerStep>& steps) {
  Normalizer result;
  for (const NormalizerStep& plain : steps) {
    CR_ASSIGN_OR_RETURN(auto step, Step::Create(plain));
    result.steps_.push_back(std::move(step));
  }
  return result;
}

std::string Normalizer::Normalize(std::string_view text, TextPlace place) const {
  std::string result(text);
  for (const auto& step : steps_) result = step->Apply(std::move(result), place);
  return result;
}

}  // namespace convrec::tokenizer
