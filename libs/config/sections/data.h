// The section "data".
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/config/sections/compat.h"
#include "libs/config/table.h"
#include "libs/prompt/model_prompt.h"
#include "libs/text/line_format.h"

namespace convrec::config {

enum class SftTargets { kCompletion, kTeacher, kCooccurrence };
constexpr std::array<const char*, 3> NamesOf(SftTargets) {
  return {"completion", "teacher", "cooccurrence"};
}

// Leaves room for merges after 256 bytes and the special tokens.
constexpr int kMinVocabulary = 300;

struct WorldOptions {
  uint64_t seed = 1;
  int sft_rows = 6000;
  int train_rows = 4000;
  int validation_rows = 200;
  int test_rows = 500;
  int vocab_size = 1280;
  int hidden_size = 64;
  int num_layers = 2;
  int num_heads = 4;
  int intermediate_size = 192;
};

void Describe(WorldOptions& world, const auto&, Table& table) {
  const int64_t pairs = int64_t{2} * world.num_heads;
  table.Key("seed", world.seed)
      .Help("Seed of the generated users; each seed gives a different world.");
  table.Key("sft_rows", world.sft_rows, Integer(1)).Help("Rows of the supervised split.");
  table.Key("train_rows", world.train_rows, Integer(1))
      .Help("Rows of the split for reinforcement learning.");
  table.Key("validation_rows", world.validation_rows, Integer(1))
      .Help("Rows of the split for evaluation during training.");
  table.Key("test_rows", world.test_rows, Integer(1))
      .Help("Rows of the split for the final table.");
  table.Key("vocab_size", world.vocab_size, Integer(kMinVocabulary, kMaxTokens))
      .Help("Sample model: tokens of the vocabulary.");
  table
      .Key("hidden_size", world.hidden_size, Integer(2, 65536))
      // Rotary embeddings rotate pairs of a head's dimensions.
      .Must(world.num_heads < 1 || world.hidden_size % pairs == 0,
            absl::StrCat(
                "a multiple of 2 * num_heads = ", pairs, ", so that heads have an even width"))
      .Help("Sample model: width; a multiple of num_heads.");
  table.Key("num_layers", world.num_layers, Integer(1, 1024)).Help("Sample model: layers.");
  table.Key("num_heads", world.num_heads, Integer(1, 1024)).Help("Sample model: attention heads.");
  table.Key("intermediate_size", world.intermediate_size, Integer(1, 1 << 20))
      .Help("Sample model: feed-forward width.");
}

struct DataSplitOptions {
  std::string path;
  int skip = 0;
  int take = 0;
};

// The facts that a split's rules depend on.
struct SplitUse {
  bool has_own_catalog;
  bool is_needed;  // Some stage of this run reads the split.
  int world_rows;  // Rows of the sample world's split.
};

inline void Describe(DataSplitOptions& split, const SplitUse& use, Table& table) {
  table.Key("path", split.path)
      .Read(Reading::kInputPath)
      .Must(
          split.path.empty(),
          "no file",
          {!use.has_own_catalog, "data.catalog is empty", ": name the catalog that belongs to it"})
      .NotEmpty(split.path,
                "a file",
                {use.has_own_catalog && use.is_needed, "data.catalog names a catalog of your own"})
      .Help("JSON lines file. Empty = the split of data.world with the same name.");
  table.Key("skip", split.skip, Integer(0))
      .Must(use.has_own_catalog || split.skip < use.world_rows,
            absl::StrCat("less than the ", use.world_rows, " rows of the sample world's split"))
      .Help("Rows skipped at the start.");
  table.Key("take", split.take, Integer(0)).Help("Rows used after those; 0 = all.");
}

struct DataOptions {
  std::string catalog;
  DataSplitOptions sft;
  DataSplitOptions train;
  DataSplitOptions validation;
  DataSplitOptions test;
  SftTargets sft_targets = SftTargets::kTeacher;
  std::string instruction =
      "Pretend you are a movie recommender system.\nI will give you a conversation between a user "
      "and you (a recommender system).\nBased on the conversation, you need to reply with "
      "{num_items} recommendations.\nList the standardized English title of each movie in each "
      "line in the form of \"movie name\" (release_year) with NO extra words or sentences.\n\nHere "
      "is the conversation: {conversation}";
  int num_ranks = 20;
  bool numbered_lists = false;
  std::string line_format = text::LineFormat::kTitleAndYear;
  int max_prompt_tokens = 2048;
  prompt::PromptKeep keep = prompt::PromptKeep::kLast;
  std::string template_arguments;
  double least_hittable = 0.1;
  WorldOptions world;
};

inline bool HasYears(const DataOptions& data) {
  return data.line_format == text::LineFormat::kTitleAndYear;
}

void DescribeLineFormat(DataOptions& data, const auto& run, Table& table) {
  const bool is_reference = run.compat == Compat::kReference;
  table.Key("line_format", data.line_format)
      .Read(Reading::kVerbatim)
      .Must(text::LineFormat::Parse(data.line_format).ok(),
            "one line with fields of the catalog in braces, as in {title} - {artist}")
      .Must(HasYears(data),
            text::LineFormat::kTitleAndYear,
            {is_reference, "compat is reference", ": the published method reads titles with years"})
      .Must(HasYears(data),
            text::LineFormat::kTitleAndYear,
            {data.catalog.empty(), "data.catalog is empty", ": the sample world has films"})
      .Help(
          "How an item is written as a line: fields of the catalog's rows in braces, as in "
          "{title}, "
          "{title} - {artist} or {title} [{id}]. With any other than {title} ({year}) the whole "
          "line is the item's name, and no year is compared.");
}

void Describe(DataOptions& data, const auto& run, Table& table) {
  const bool own = !data.catalog.empty();
  const bool trains = run.learner.steps > 0;
  const bool evaluates = trains && run.evaluation.every_steps > 0;
  table.Key("catalog", data.catalog)
      .Read(Reading::kInputPath)
      .Help("Catalog as JSON lines {\"title\", \"year\"}. Empty = the catalog of data.world.");
  table.Group("sft",
              "Supervised rows: conversations with \"completion\" or \"teacher\", or neither (see "
              "sft_targets).",
              data.sft,
              SplitUse{own, run.learner.sft.steps > 0, data.world.sft_rows});
  table.Group("train",
              "Conversations for reinforcement learning.",
              data.train,
              SplitUse{own, trains, data.world.train_rows});
  table.Group("validation",
              "Conversations for evaluation during training.",
              data.validation,
              SplitUse{own, evaluates, data.world.validation_rows});
  table.Group("test",
              "Conversations for the final table; no setting may be chosen on them.",
              data.test,
              SplitUse{own, false, data.world.test_rows});
  table.Key("template_arguments", data.template_arguments)
      .Read(Reading::kVerbatim)
      .Help(
          "Variables of the model's chat template as a JSON object, such as {\"enable_thinking\": "
          "false}; tools and documents belong here too. Empty = none.");
  table.Key("sft_targets", data.sft_targets)
      .Help(
          "Where SFT targets come from: \"completion\" (a column), \"teacher\" (raw lists, "
          "remapped to the catalog) or \"cooccurrence\" (ground truth, then items that occur with "
          "it).");
  table.Key("instruction", data.instruction)
      .Read(Reading::kVerbatim)
      .Must(data.instruction.find("{conversation}") != std::string::npos,
            "a text that holds {conversation}")
      .Must(data.instruction != DataOptions().instruction,
            "a text of your own that asks for such lines",
            {!HasYears(data), "data.line_format is not {title} ({year})"})
      .Help("Text of the user turn; {conversation} and {num_items} are replaced.");
  table.Key("num_ranks", data.num_ranks, Integer(1, 100))
      .Help("Lines a list should have: N of the method.");
  table.Key("numbered_lists", data.numbered_lists)
      .Help("Whether the lines of lists are numbered, as in \"1. Title (Year)\".");
  DescribeLineFormat(data, run, table);
  table.Key("max_prompt_tokens", data.max_prompt_tokens, Integer(1, kMaxTokens))
      .Help("Longest prompt in tokens; longer ones are cut. Above 0.");
  table.Key("keep", data.keep)
      .Help(
          "Which part of a long prompt is kept: \"last\" (as in the reference) or \"ends\" "
          "(instruction kept, oldest turns dropped).");
  table.Key("least_hittable", data.least_hittable, Number(0, 1))
      .Help(
          "Least share of a split's ground truths that lists of the catalog can hit, and of the "
          "lines of answers that name its items; a run with less is refused. 0 = any.");
  table.Group(
      "world", "The built-in sample world, used when data.catalog is empty.", data.world, run);
}

}  // namespace convrec::config
