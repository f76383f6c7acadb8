#include "libs/rows/csv_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/text/unicode_text.h"

namespace convrec::rows {
namespace {

// Reads records from a text, one at a time.
class CsvReader final {
 public:
  CsvReader(std::string_view text, const std::string& name) : text_(text), name_(name) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark)
      text_.remove_prefix(kByteOrderMark.size());
  }

  // The line on which the last record starts, from 1.
  int line() const { return line_; }
  std::string Where() const { return absl::StrCat(name_, ":", line_); }

  // False at the end.
  absl::StatusOr<bool> Next(std::vector<std::string>* fields) {
    do {
      if (position_ >= text_.size()) return false;
      line_ = next_line_;
      fields->clear();
      CR_RETURN_IF_ERROR(ReadRecord(fields));
    } while (fields->size() == 1 && text::IsBlank(fields->front()));
    for (const std::string& field : *fields) {
      if (!text::IsValidUtf8(field)) {
        return absl::InvalidArgumentError(absl::StrCat(Where(), ": the text is not UTF-8"));
      }
    }
    return true;
  }

 private:
  absl::Status ReadRecord(std::vector<std::string>* fields) {
    while (true) {
      std::string& field = fields->emplace_back();
      if (position_ < text_.size() && text_[position_] == '"') {
        CR_RETURN_IF_ERROR(ReadQuoted(&field));
      } else {
        const size_t end = std::min(text_.find_first_of(",\n\"", position_), text_.size());
        field = text_.substr(position_, end - position_);
        position_ = end;
        if (end < text_.size() && text_[end] == '"') {
          return absl::InvalidArgumentError(absl::StrCat(
              Where(), ": a quote stands inside a field; expected it around the whole field"));
        }
        if ((end == text_.size() || text_[end] == '\n') && !field.empty() && field.back() == '\r')
          field.pop_back();
      }
      if (position_ >= text_.size()) return absl::OkStatus();
      const char separator = text_[position_++];
      if (separator == '\n') {
        ++next_line_;
        return absl::OkStatus();
      }
    }
  }

  // Reads from an opening quote to what follows the closing one: a comma, a line break or the end.
  absl::Status ReadQuoted(std::string* field) {
    while (true) {
      const size_t quote = text_.find('"', ++position_);
      if (quote == std::string_view::npos) {
        return absl::InvalidArgumentError(
            absl::StrCat(Where(), ": a quoted field does not end; expected a closing quote"));
      }
      const std::string_view part = text_.substr(position_, quote - position_);
      next_line_ += static_cast<int>(std::count(part.begin(), part.end(), '\n'));
      field->append(part);
      position_ = quote + 1;
      if (position_ < text_.size() && text_[position_] == '"') {
        field->push_back('"');
        continue;
      }
      if (position_ < text_.size() && text_[position_] == '\r') ++position_;
      if (position_ < text_.size() && text_[position_] != ',' && text_[position_] != '\n') {
        return absl::InvalidArgumentError(absl::StrCat(
            Where(), ": text follows a closing quote; expected a comma or the end of the line"));
      }
      return absl::OkStatus();
    }
  }

  std::string_view text_;
  const std::string name_;
  size_t position_ = 0;
  int line_ = 1;
  int next_line_ = 1;
};

}  // namespace

std::optional<int> WholeNumberIn(std::string_view text) {
  constexpr int kLimit = 1'000'000'000;
  const size_t point = text.find('.');
  if (point != std::string_view::npos && point > 0) {
    const std::string_view zeros = text.substr(point + 1);
    if (zeros.empty() || zeros.find_first_not_of('0') != std::string_view::npos)
      return std::nullopt;
    text = text.substr(0, point);
  }
  int value = 0;
  if (!absl::SimpleAtoi(std::string(text), &value) || value > kLimit || value < -kLimit)
    return std::nullopt;
  return value;
}

std::string_view CsvRow::Text(std::string_view column) const {
  const auto it = std::find(head_->begin(), head_->end(), column);
  if (it == head_->end()) return {};
  return (*fields_)[static_cast<size_t>(it - head_->begin())];
}

absl::Status CsvRow::Error(const std::string& column, const std::string& problem) const {
  return absl::InvalidArgumentError(absl::StrCat(where_, ": field \"", column, "\" ", problem));
}

absl::StatusOr<int> CsvRow::Int(const std::string& column) const {
  const std::string text(Text(column));
  const std::optional<int> value = WholeNumberIn(text);
  if (!value) return Error(column, absl::StrCat("is \"", text, "\"; expected a whole number"));
  return *value;
}

absl::StatusOr<double> CsvRow::Double(const std::string& column) const {
  const std::string text(Text(column));
  double value = 0;
  if (!text::IsBlank(text) && (!absl::SimpleAtod(text, &value) || !std::isfinite(value))) {
    return Error(column, absl::StrCat("is \"", text, "\"; expected a number"));
  }
  return value;
}

std::vector<std::string> CsvRow::Texts(std::string_view column) const {
  const std::string text(Text(column));
  if (text::IsBlank(text)) return {};
  return absl::StrSplit(text, '|');
}

absl::Status ForEachCsvRowOf(
    std::string_view text,
    const std::string& name,
    const std::vector<std::string>& required,
    const std::function<absl::Status(const CsvRow& row, int line)>& visit) {
  CsvReader reader(text, name);
  std::vector<std::string> head;
  CR_ASSIGN_OR_RETURN(const bool has_head, reader.Next(&head));
  if (!has_head) return absl::OkStatus();
  for (const std::string& column : required) {
    if (std::count(head.begin(), head.end(), column) != 1) {
      return absl::InvalidArgumentError(absl::StrCat(reader.Where(),
                                                     ": the head is ",
                                                     absl::StrJoin(head, ","),
                                                     "; expected one column \"",
                                                     column,
                                                     "\" in it"));
    }
  }
  std::vector<std::string> fields;
  while (true) {
    CR_ASSIGN_OR_RETURN(const bool has_row, reader.Next(&fields));
    if (!has_row) return absl::OkStatus();
    if (fields.size() != head.size()) {
      return absl::InvalidArgumentError(absl::StrCat(reader.Where(),
                                                     ": the record has ",
                                                     fields.size(),
                                                     " fields; expected ",
                                                     head.size(),
                                                     " as in the head"));
    }
    CR_RETURN_IF_ERROR(visit(CsvRow(&head, &fields, reader.Where()), reader.line()));
  }
}

}  // namespace convrec::rows
