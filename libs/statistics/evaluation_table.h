// The one table of all statistics of an evaluation. To add one, write its row here and set it by
// its name in services/learner/run/evaluation_report.cc.
#pragma once

#include "libs/statistics/statistic.h"

namespace convrec::statistics {

// Shares refer to the lines or lists that were evaluated.
inline constexpr Statistic kEvaluationTable[] = {
    {.name = "rows", .shape = Shape::kCount, .help = "Conversations."},
    {.name = "recall",
     .shape = Shape::kAtCutoffs,
     .help = "Recall at each cutoff.",
     .chart = {.section = Section::kResults, .title = "Recall"}},
    {.name = "ndcg",
     .shape = Shape::kAtCutoffs,
     .help = "NDCG of the last evaluation.",
     .exported = {.name = "rl_learner_evaluation_ndcg", .across = Across::kMax},
     .chart = {.section = Section::kResults, .title = "NDCG"}},
    {.name = "ndcg_strict",
     .shape = Shape::kAtCutoffs,
     .help = "NDCG with the ideal list of min(k, number of ground truths) items."},
    {.name = "in_catalog_ratio",
     .unit = Unit::kShare,
     .help = "Share of lines that name an item of the catalog.",
     .chart = {.section = Section::kResults, .title = "In catalog"}},
    {.name = "format_ratio",
     .unit = Unit::kShare,
     .help = "Share of lines that are well-formed.",
     .chart = {.section = Section::kResults, .title = "Well-formed lines"}},
    {.name = "repeat_ratio",
     .unit = Unit::kShare,
     .help = "Share of lines that repeat an earlier item.",
     .chart = {.section = Section::kResults, .title = "Repeated lines"}},
    {.name = "off_catalog_ratio",
     .unit = Unit::kShare,
     .help = "Share of lines that name nothing in the catalog.",
     .chart = {.section = Section::kResults, .title = "Off-catalog lines"}},
    {.name = "lines",
     .help = "Mean number of lines per list.",
     .chart = {.section = Section::kResults, .title = "Lines per list"}},
    {.name = "exact_ratio",
     .unit = Unit::kShare,
     .help = "Share of lists with exactly N lines.",
     .chart = {.section = Section::kResults, .title = "Lists of exactly N"}},
    {.name = "hits_by_rank",
     .shape = Shape::kByRank,
     .unit = Unit::kShare,
     .help = "Share of lists with a hit at the rank."},
    {.name = "seconds", .unit = Unit::kSeconds, .help = "Time of the evaluation."},
};

}  // namespace convrec::statistics
