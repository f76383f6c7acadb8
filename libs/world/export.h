// Writes the sample world (synthetic data) as the ordinary files that a training job reads.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/lists/list_format.h"
#include "libs/world/generator.h"
#include "libs/world/remap.h"
#include "libs/world/teacher.h"
#include "libs/world/world.h"

namespace convrec::world {

struct ExportOptions {
  WorldOptions world;
  UserOptions users;
  TeacherOptions teacher;
  RemapOptions remap;
  bool fill_lists = true;  // Short lists are completed with the most popular films overall.
  lists::ListStyle style = lists::ListStyle::kNumbered;
  size_t num_sft = 12000;
  size_t num_train = 4000;
  size_t num_validation = 300;
  size_t num_test = 600;
  // Conversations of the test split over which the summary's reference rankings are averaged.
  size_t num_summary = 300;
};

// Writes into `directory`, which is created when missing:
//   catalog.jsonl     {"title","year","genres","popularity"}, most popular first
//   sft.jsonl         {"id","context","seen_titles","groundtruth","teacher","completion"}
//   train.jsonl, validation.jsonl, test.jsonl
//                     {"id","context","seen_titles","groundtruth"}
//   summary.json      counts of the remap by kind, and NDCG@20 of reference rankings
// Each split has its own users. Equal options give equal bytes. Returns the summary's text.
absl::StatusOr<std::string> ExportWorld(const ExportOptions& options, const std::string& directory);

}  // namespace convrec::world
