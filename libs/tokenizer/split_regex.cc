#define PCRE2_CODE_UNIT_WIDTH 8
#include "libs/tokenizer/split_regex.h"

#include <pcre2.h>

#include <cctype>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::tokenizer {
namespace {

// Oniguruma's \w, wider than PCRE2's by marks and connector punctuation and narrower by numbers
// that are not digits. Outside character classes it also matches the numbers of Latin-1 (such as
// "½").
constexpr char kWordInClass[] = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr char kWordOutside[] = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";

absl::Status Untranslated(const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the regular expression uses ", what, ", which is not supported"));
}

// The replacement for the escape sequence `\` + `letter`, or "" to keep it. \s of PCRE2 also
// matches U+180E; \h is a hexadecimal digit to Oniguruma and a blank to PCRE2.
absl::StatusOr<std::string> TranslateEscape(char letter, bool in_class) {
  switch (letter) {
    case 's':
      return std::string(R"(\p{White_Space})");
    case 'S':
      return std::string(R"(\P{White_Space})");
    case 'w':
      return in_class ? std::string(kWordInClass) : absl::StrCat("[", kWordOutside, "]");
    case 'h':
      return std::string(in_class ? "[:xdigit:]" : "[[:xdigit:]]");
    case 'W':
      if (in_class) return Untranslated("\\W inside a character class");
      return absl::StrCat("[^", kWordOutside, "]");
    case 'H':
      return std::string(in_class ? "[:^xdigit:]" : "[^[:xdigit:]]");
    default:
      return std::string();
  }
}

// Oniguruma's (?m) lets '.' match newlines, PCRE2's changes '^' and '$'.
bool StartsOptionM(std::string_view pattern, size_t open) {
  if (pattern.substr(open, 2) != "(?") return false;
  for (size_t i = open + 2; i < pattern.size(); ++i) {
    if (pattern[i] == 'm') return true;
    if (pattern[i] != '-' && std::isalpha(static_cast<unsigned char>(pattern[i])) == 0)
      return false;
  }
  return false;
}

absl::StatusOr<std::string> Translate(std::string_view pattern) {
  std::string result;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char letter = pattern[++i];
      if (letter == 'u' && i + 4 < pattern.size()) {
        absl::StrAppend(&result, "\\x{", std::string(pattern.substr(i + 1, 4)), "}");
        i += 4;
        continue;
      }
      CR_ASSIGN_OR_RETURN(const std::string translated, TranslateEscape(letter, in_class));
      if (translated.empty()) {
        result += c;
        result += letter;
      } else {
        result += translated;
      }
      continue;
    }
    if (in_class) {
      if (c == '[' && pattern.substr(i, 2) == "[:") {
        const size_t close = pattern.find(":]", i + 2);
        if (close == std::string_view::npos) return Untranslated("an unfinished class name '[:'");
        result += pattern.substr(i, close + 2 - i);
        i = close + 1;
        continue;
      }
      if (c == '[') return Untranslated("a character class inside a character class");
      if (pattern.substr(i, 2) == "&&") return Untranslated("the class operator '&&'");
      if (c == ']') in_class = false;
    } else if (c == '[') {
      in_class = true;
      // A ']' right after the opening is a member.
      result += c;
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') result += pattern[++i];
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') {
        result += "\\]";
        ++i;
      }
      continue;
    } else if (StartsOptionM(pattern, i)) {
      return Untranslated("the option (?m)");
    }
    result += c;
  }
  return result;
}

struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

size_t NextCharacter(std::string_view text, size_t position) {
  ++position;
  while (position < text.size() && (static_cast<uint8_t>(text[position]) & 0xC0) == 0x80)
    ++position;
  return position;
}

}  // namespace

struct SplitRegex::Code {
  ~Code() { pcre2_code_free(code); }
  pcre2_code* code = nullptr;
};

SplitRegex::SplitRegex(std::unique_ptr<const Code> code) : code_(std::move(code)) {}
SplitRegex::~SplitRegex() = default;
SplitRegex::SplitRegex(SplitRegex&&) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&&) noexcept = default;

absl::StatusOr<SplitRegex> SplitRegex::Create(const std::string& pattern) {
  CR_ASSIGN_OR_RETURN(const std::string translated, Translate(pattern));
  std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
  // As in Oniguruma, only "\n" ends a line.
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_unique<Code>();
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()),
                             translated.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                             &error,
                             &offset,
                             context.get());
  if (code->code == nullptr) {
    PCRE2_UCHAR message[256] = {};
    pcre2_get_error_message(error, message, sizeof(message));
    return absl::InvalidArgumentError(absl::StrCat("the regular expression '",
                                                   pattern,
                                                   "' is malformed: ",
                                                   reinterpret_cast<const char*>(message)));
  }
  // Without just-in-time compilation the pattern is only slower.
  pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE);
  return SplitRegex(std::move(code));
}

std::vector<SplitRegex::Match> SplitRegex::FindAll(std::string_view text) const {
  std::vector<Match> matches;
  const std::unique_ptr<pcre2_match_data, MatchDataDeleter> data(
      pcre2_match_data_create_from_pattern(code_->code, nullptr));
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  size_t position = 0;
  while (position <= text.size()) {
    int result = pcre2_match(
        code_->code, subject, text.size(), position, PCRE2_NO_UTF_CHECK, data.get(), nullptr);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
      result = pcre2_match(code_->code,
                           subject,
                           text.size(),
                           position,
                           PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                           data.get(),
                           nullptr);
    }
    if (result < 0) break;
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
    const Match match{bounds[0], bounds[1]};
    // "\K" in a lookahead can reverse the bounds.
    if (match.begin > match.end || match.begin < position) break;
    const bool is_empty = match.begin == match.end;
    if (is_empty && !matches.empty() && matches.back().end == match.begin) {
      // An empty match right after another one is skipped.
      position = NextCharacter(text, position);
      continue;
    }
    matches.push_back(match);
    position = match.end;
  }
  return matches;
}

std::string EscapeRegex(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::ispunct(byte) != 0) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace convrec::tokenizer
