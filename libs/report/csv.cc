#include "libs/report/csv.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "libs/base/enum_names.h"
#include "libs/report/record_fields.h"

namespace convrec::report {
namespace {

using statistics::Record;
using statistics::Shape;
using statistics::Statistic;

// The cutoffs by which columns are named, for the longest lists of the records.
std::vector<int> CutoffsOf(const std::map<absl::string_view, size_t>& widths) {
  const auto by_rank = widths.find("hits_by_rank");
  const bool is_known = by_rank != widths.end() && by_rank->second > 0;
  return domain::ShownCutoffs(is_known ? static_cast<int>(by_rank->second)
                                       : domain::kCutoffs.back());
}

// Entries of the longest list of each row.
struct WidthVisitor {
  std::map<absl::string_view, size_t>* widths;
  template <typename T>
  void operator()(const char*, const T&) {}
  void operator()(const Statistic& row, const Record& record, size_t i) {
    size_t& width = (*widths)[row.name];
    width = std::max(width, record.at(i).size());
  }
};

struct HeadVisitor {
  const std::map<absl::string_view, size_t>* widths;
  std::vector<std::string>* cells;
  template <typename T>
  void operator()(const char* name, const T&) {
    cells->push_back(name);
  }
  void operator()(const Statistic& row, const Record&, size_t) {
    if (row.shape == Shape::kAtCutoffs) {
      for (const int cutoff : CutoffsOf(*widths))
        cells->push_back(absl::StrCat(row.name, "_", cutoff));
    } else if (statistics::IsList(row.shape)) {
      const size_t width = widths->at(row.name);
      for (size_t i = 1; i <= width; ++i) cells->push_back(absl::StrCat(row.name, "_", i));
    } else {
      cells->emplace_back(row.name);
    }
  }
};

struct CellVisitor {
  const std::map<absl::string_view, size_t>* widths;
  std::vector<std::string>* cells;
  void operator()(const char*, int64_t value) { cells->push_back(absl::StrCat(value)); }
  void operator()(const char*, Stage value) { cells->push_back(base::NameOf(value)); }
  void operator()(const char*, Split value) { cells->push_back(base::NameOf(value)); }
  void operator()(const Statistic& row, const Record& record, size_t i) {
    std::span<const double> values = record.at(i);
    size_t width = widths->at(row.name);
    if (row.shape == Shape::kAtCutoffs) {
      width = CutoffsOf(*widths).size();
      values = values.first(std::min(values.size(), width));
    }
    for (const double value : values) {
      if (row.shape == Shape::kCount) {
        cells->push_back(absl::StrCat(static_cast<int64_t>(value)));
      } else {
        cells->push_back(std::isfinite(value) ? absl::StrFormat("%.9g", value) : "");
      }
    }
    cells->insert(cells->end(), width - values.size(), "");
  }
};

void AppendLine(const std::vector<std::string>& cells, std::string* text) {
  for (size_t i = 0; i < cells.size(); ++i) absl::StrAppend(text, i == 0 ? "" : ",", cells[i]);
  text->push_back('\n');
}

template <typename R>
std::string Render(const std::vector<R>& records) {
  std::map<absl::string_view, size_t> widths;
  const R empty;
  VisitFields(empty, WidthVisitor{&widths});
  for (const R& record : records) VisitFields(record, WidthVisitor{&widths});
  std::string text;
  std::vector<std::string> cells;
  VisitFields(empty, HeadVisitor{&widths, &cells});
  AppendLine(cells, &text);
  for (const R& record : records) {
    cells.clear();
    VisitFields(record, CellVisitor{&widths, &cells});
    AppendLine(cells, &text);
  }
  return text;
}

}  // namespace

std::string ToCsv(const std::vector<SftStep>& steps) { return Render(steps); }
std::string ToCsv(const std::vector<RlStep>& steps) { return Render(steps); }
std::string ToCsv(const std::vector<Evaluation>& evaluations) { return Render(evaluations); }

}  // namespace convrec::report
