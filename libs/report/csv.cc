#include "libs/report/csv.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/report/record_fields.h"

namespace convrec::report {
namespace {

// Entries of the longest vector of each field.
struct WidthVisitor {
  std::map<std::string, size_t>* widths;
  template <typename T>
  void operator()(const char*, const T&) {}
  void operator()(const char* name, const std::vector<double>& values) {
    size_t& width = (*widths)[name];
    width = std::max(width, values.size());
  }
};

struct HeadVisitor {
  const std::map<std::string, size_t>* widths;
  std::vector<std::string>* cells;
  template <typename T>
  void operator()(const char* name, const T&) {
    cells->push_back(name);
  }
  void operator()(const char* name, const std::vector<double>&) {
    const size_t width = widths->at(name);
    for (size_t i = 1; i <= width; ++i) cells->push_back(absl::StrCat(name, "_", i));
  }
  void operator()(const char* name, const std::array<double, 4>&) {
    for (const int cutoff : domain::kCutoffs) cells->push_back(absl::StrCat(name, "_", cutoff));
  }
};

struct CellVisitor {
  const std::map<std::string, size_t>* widths;
  std::vector<std::string>* cells;
  void operator()(const char*, int64_t value) { cells->push_back(absl::StrCat(value)); }
  void operator()(const char*, double value) {
    cells->push_back(std::isfinite(value) ? absl::StrFormat("%.9g", value) : "");
  }
  void operator()(const char*, Stage value) { cells->push_back(StageName(value)); }
  void operator()(const char*, Split value) { cells->push_back(SplitName(value)); }
  void operator()(const char* name, const std::vector<double>& values) {
    for (const double value : values) (*this)(name, value);
    cells->insert(cells->end(), widths->at(name) - values.size(), "");
  }
  void operator()(const char* name, const std::array<double, 4>& values) {
    for (const double value : values) (*this)(name, value);
  }
};

void AppendLine(const std::vector<std::string>& cells, std::string* text) {
  for (size_t i = 0; i < cells.size(); ++i) absl::StrAppend(text, i == 0 ? "" : ",", cells[i]);
  text->push_back('\n');
}

template <typename R>
std::string Render(const std::vector<R>& records) {
  std::map<std::string, size_t> widths;
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
