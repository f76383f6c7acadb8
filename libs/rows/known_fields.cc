#include "libs/rows/known_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "libs/text/words.h"

namespace convrec::rows {
namespace {

constexpr size_t kLeastPart = 4;  // Shorter words, as "id", begin too many others.

// What remains of a name once case, underscores and the plural are set aside.
std::string Stem(const std::string& name) {
  std::string stem = absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", ""}, {"-", ""}});
  if (stem.size() > kLeastPart) stem = std::string(absl::StripSuffix(stem, "s"));
  return stem;
}

bool IsPartOf(const std::string& part, const std::string& whole) {
  return part.size() >= kLeastPart &&
         (absl::StartsWith(whole, part) || absl::EndsWith(whole, part));
}

bool IsClose(const std::string& a, const std::string& b) {
  const size_t limit = std::min<size_t>(2, std::min(a.size(), b.size()) / 3);
  return IsPartOf(a, b) || IsPartOf(b, a) || text::EditDistance(a, b) <= limit;
}

}  // namespace

std::string CloseField(const std::string& unknown, const std::vector<std::string>& known) {
  const std::string stem = Stem(unknown);
  for (const std::string& field : known) {
    if (IsClose(stem, Stem(field))) return field;
  }
  return "";
}

KnownFields::KnownFields(std::vector<std::vector<std::string>> groups)
    : groups_(std::move(groups)) {
  for (const std::vector<std::string>& group : groups_) known_.insert(group.begin(), group.end());
}

absl::Status KnownFields::Check(const JsonRow& row) {
  const auto is_known = [this](const std::string& field) { return known_.contains(field); };
  if (row.AllFields(is_known)) return absl::OkStatus();
  return CheckNames(row.FieldNames(), [&row](const std::string& field, const std::string& problem) {
    return row.Error(field, problem);
  });
}

absl::Status KnownFields::Check(const CsvRow& row) {
  const auto is_known = [this](const std::string& field) { return known_.contains(field); };
  const std::vector<std::string>& fields = row.FieldNames();
  if (std::all_of(fields.begin(), fields.end(), is_known)) return absl::OkStatus();
  return CheckNames(fields, [&row](const std::string& field, const std::string& problem) {
    return row.Error(field, problem);
  });
}

absl::Status KnownFields::CheckNames(const std::vector<std::string>& fields,
                                     const MakeError& make_error) {
  std::vector<std::string> missing;  // Of groups of which the row has none.
  for (const std::vector<std::string>& group : groups_) {
    const auto is_of_group = [&group](const std::string& field) {
      return std::find(group.begin(), group.end(), field) != group.end();
    };
    if (std::none_of(fields.begin(), fields.end(), is_of_group))
      missing.insert(missing.end(), group.begin(), group.end());
  }
  for (const std::string& field : fields) {
    if (known_.contains(field)) continue;
    const std::string close = CloseField(field, missing);
    if (!close.empty())
      return make_error(field, absl::StrCat("is unknown; did you mean \"", close, "\"?"));
    ++num_rows_of_unknown_[field];
  }
  return absl::OkStatus();
}

}  // namespace convrec::rows
