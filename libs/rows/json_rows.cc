#include "libs/rows/json_rows.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/text/unicode_text.h"

namespace convrec::rows {
namespace {

using Json = nlohmann::json;

// The value as JSON, cut to what fits in a message.
std::string Shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr size_t kMaxLength = 60;
  if (text.size() > kMaxLength) text = absl::StrCat(text.substr(0, kMaxLength), "...");
  return text;
}

bool IsEmptyLine(std::string_view line) {
  return line.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

absl::Status VisitRow(std::string_view text,
                      const std::string& name,
                      int line,
                      const std::function<absl::Status(const JsonRow& row, int line)>& visit) {
  std::string where = absl::StrCat(name, ":", line);
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": not a JSON object in UTF-8; expected one object per line"));
  }
  return visit(JsonRow(&json, std::move(where)), line);
}

}  // namespace

std::optional<int> WholeNumber(const Json& value) {
  constexpr double kLimit = 1e9;
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  if (!(std::abs(number) <= kLimit) || number != std::floor(number)) return std::nullopt;
  return static_cast<int>(number);
}

std::string JsonRow::PathOf(const std::string& field) const {
  if (path_.empty() || field.empty()) return path_ + field;
  return absl::StrCat(path_, ".", field);
}

absl::Status JsonRow::Error(const std::string& field, const std::string& problem) const {
  return absl::InvalidArgumentError(
      absl::StrCat(where_, ": field \"", PathOf(field), "\" ", problem));
}

const Json* JsonRow::Find(const std::string& field) const {
  const auto it = object_->find(field);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

std::vector<std::string> JsonRow::FieldNames() const {
  std::vector<std::string> names;
  for (const auto& entry : object_->items()) names.push_back(entry.key());
  return names;
}

bool JsonRow::AllFields(const std::function<bool(const std::string& field)>& predicate) const {
  for (const auto& entry : object_->items()) {
    if (!predicate(entry.key())) return false;
  }
  return true;
}

bool JsonRow::Has(const std::string& field) const { return Find(field) != nullptr; }

absl::StatusOr<const Json*> JsonRow::Require(const std::string& field,
                                             const std::string& expected) const {
  const Json* value = Find(field);
  if (value == nullptr) return Error(field, absl::StrCat("is missing; expected ", expected));
  return value;
}

absl::StatusOr<std::string> JsonRow::String(const std::string& field) const {
  CR_ASSIGN_OR_RETURN(const Json* value, Require(field, "text"));
  if (!value->is_string())
    return Error(field, absl::StrCat("is ", Shown(*value), "; expected text"));
  return value->get<std::string>();
}

absl::StatusOr<int> JsonRow::Int(const std::string& field) const {
  const std::string expected = "a whole number";
  CR_ASSIGN_OR_RETURN(const Json* value, Require(field, expected));
  const std::optional<int> number = WholeNumber(*value);
  if (!number) return Error(field, absl::StrCat("is ", Shown(*value), "; expected ", expected));
  return *number;
}

absl::StatusOr<double> JsonRow::Double(const std::string& field) const {
  CR_ASSIGN_OR_RETURN(const Json* value, Require(field, "a number"));
  if (!value->is_number()) {
    return Error(field, absl::StrCat("is ", Shown(*value), "; expected a number"));
  }
  return value->get<double>();
}

absl::StatusOr<std::vector<std::string>> JsonRow::Strings(const std::string& field) const {
  const std::string expected = "a list of texts";
  CR_ASSIGN_OR_RETURN(const Json* value, Require(field, expected));
  if (!value->is_array()) {
    return Error(field, absl::StrCat("is ", Shown(*value), "; expected ", expected));
  }
  std::vector<std::string> texts;
  for (const Json& element : *value) {
    if (!element.is_string()) {
      return Error(field, absl::StrCat("holds ", Shown(element), "; expected ", expected));
    }
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

absl::StatusOr<std::vector<JsonRow>> JsonRow::Rows(const std::string& field) const {
  const std::string expected = "a list of objects";
  CR_ASSIGN_OR_RETURN(const Json* value, Require(field, expected));
  if (!value->is_array()) {
    return Error(field, absl::StrCat("is ", Shown(*value), "; expected ", expected));
  }
  std::vector<JsonRow> rows;
  for (size_t i = 0; i < value->size(); ++i) {
    const Json& element = (*value)[i];
    if (!element.is_object()) {
      return Error(field, absl::StrCat("holds ", Shown(element), "; expected ", expected));
    }
    rows.emplace_back(&element, where_, absl::StrCat(PathOf(field), "[", i, "]"));
  }
  return rows;
}

absl::Status ForEachJsonRow(
    const std::string& path,
    const std::function<bool(int64_t index)>& wanted,
    const std::function<absl::Status(const JsonRow& row, int line)>& visit) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::ErrnoStatus(errno, absl::StrCat("cannot read ", path));
  std::string text;
  int64_t index = 0;
  for (int line = 1; std::getline(file, text); ++line) {
    if (IsEmptyLine(text)) continue;
    if (!wanted(index++)) continue;
    CR_RETURN_IF_ERROR(VisitRow(text, path, line, visit));
  }
  if (file.bad()) return base::ErrnoStatus(errno, absl::StrCat("cannot read ", path));
  return absl::OkStatus();
}

absl::Status ForEachJsonRowOf(
    std::string_view text,
    const std::string& name,
    const std::function<absl::Status(const JsonRow& row, int line)>& visit) {
  size_t begin = 0;
  for (int line = 1; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view row = text.substr(begin, end - begin);
    begin = end + 1;
    if (!IsEmptyLine(row)) CR_RETURN_IF_ERROR(VisitRow(row, name, line, visit));
  }
  return absl::OkStatus();
}

}  // namespace convrec::rows
