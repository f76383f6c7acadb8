// The fields of each record by name, listed once for all formats that are written or read.
//
// VisitFields(record, visit) calls visit("name", field) in the order of the log; `record` may be
// const. A statistic from a table is visited as visit(row, record, index of the row).
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "libs/report/records.h"

namespace convrec::report {

template <typename T, typename R>
concept RecordIs = std::is_same_v<std::remove_const_t<R>, T>;

template <typename R, typename Visit>
void VisitStatistics(R& record, Visit&& visit) {
  const std::span<const statistics::Statistic> rows = record.rows();
  for (size_t row = 0; row < rows.size(); ++row) {
    if (rows[row].is_logged) visit(rows[row], record, row);
  }
}

template <typename R, typename Visit>
requires RecordIs<SftStep, R>
void VisitFields(R& record, Visit&& visit) {
  visit("step", record.step);
  visit("total_steps", record.total_steps);
  VisitStatistics(record, visit);
}

template <typename R, typename Visit>
requires RecordIs<RlStep, R>
void VisitFields(R& record, Visit&& visit) {
  visit("step", record.step);
  visit("total_steps", record.total_steps);
  VisitStatistics(record, visit);
}

template <typename R, typename Visit>
requires RecordIs<Evaluation, R>
void VisitFields(R& record, Visit&& visit) {
  visit("stage", record.stage);
  visit("split", record.split);
  visit("step", record.step);
  VisitStatistics(record, visit);
}

template <typename R, typename Visit>
requires RecordIs<SampleLine, R>
void VisitFields(R& record, Visit&& visit) {
  visit("text", record.text);
  visit("outcome", record.outcome);
}

template <typename R, typename Visit>
requires RecordIs<domain::Item, R>
void VisitFields(R& record, Visit&& visit) {
  visit("title", record.title);
  visit("year", record.year);
}

template <typename R, typename Visit>
requires RecordIs<SampleList, R>
void VisitFields(R& record, Visit&& visit) {
  visit("id", record.id);
  visit("conversation", record.conversation);
  visit("ground_truth", record.ground_truth);
  visit("lines", record.lines);
}

template <typename R, typename Visit>
requires RecordIs<Samples, R>
void VisitFields(R& record, Visit&& visit) {
  visit("stage", record.stage);
  visit("step", record.step);
  visit("samples", record.samples);
}

template <typename R, typename Visit>
requires RecordIs<Event, R>
void VisitFields(R& record, Visit&& visit) { visit("text", record.text); }

}  // namespace convrec::report
