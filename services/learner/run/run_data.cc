#include "services/learner/run/run_data.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog.h"
#include "libs/config/scorer_options.h"
#include "libs/data/cooccurrence_teacher.h"
#include "libs/data/dialogue_reader.h"
#include "libs/data/instruction.h"
#include "libs/joins/run_joins.h"
#include "libs/lists/list_format.h"
#include "libs/tokenizer/chat_template.h"
#include "libs/world/remap.h"

namespace convrec::learner {
namespace {

// Turns rows into token ids by the run's instruction and the model's chat markup.
class Renderer {
 public:
  static absl::StatusOr<Renderer> Create(const config::RunOptions& options,
                                         const tokenizer::Tokenizer* tokenizer) {
    CR_ASSIGN_OR_RETURN(
        data::Instruction instruction,
        data::Instruction::Create(options.data.instruction, options.data.num_ranks));
    CR_ASSIGN_OR_RETURN(
        tokenizer::ChatTemplate chat,
        tokenizer::ChatTemplate::Create(tokenizer,
                                        {.format = options.model.chat_format,
                                         .date = options.model.chat_date,
                                         .arguments = options.data.template_arguments}));
    return Renderer(options.data, std::move(instruction), std::move(chat));
  }

  absl::StatusOr<std::vector<int32_t>> PromptTokens(const data::DialogueRow& row) {
    CR_ASSIGN_OR_RETURN(std::vector<int32_t> ids, Encode(row));
    const size_t limit = static_cast<size_t>(data_.max_prompt_tokens);
    if (ids.size() <= limit) return ids;
    ++num_cut_;
    if (data_.keep == config::PromptKeep::kEnds && row.turns_kind == data::TurnsKind::kDialogue) {
      // The oldest turns go first; the last one stays.
      data::DialogueRow shorter = row;
      while (shorter.turns.size() > 1 && ids.size() > limit) {
        shorter.turns.erase(shorter.turns.begin());
        CR_ASSIGN_OR_RETURN(ids, Encode(shorter));
      }
    }
    if (ids.size() > limit) ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(limit));
    return ids;
  }

  std::string ConversationText(const data::DialogueRow& row) const {
    std::string text;
    for (const domain::Turn& turn : row.turns) {
      absl::StrAppend(&text,
                      text.empty() ? "" : "\n",
                      turn.role == "user" ? "USER: " : "ASSISTANT: ",
                      turn.text);
    }
    return text;
  }

  int64_t num_cut() const { return num_cut_; }

 private:
  Renderer(const config::DataOptions& data,
           data::Instruction instruction,
           tokenizer::ChatTemplate chat)
      : data_(data), instruction_(std::move(instruction)), chat_(std::move(chat)) {}

  absl::StatusOr<std::vector<int32_t>> Encode(const data::DialogueRow& row) const {
    std::vector<tokenizer::ChatMessage> messages;
    for (const domain::Turn& turn : instruction_.Chat(row))
      messages.push_back({.role = turn.role, .text = turn.text});
    return chat_.EncodePrompt(messages);
  }

  const config::DataOptions data_;
  const data::Instruction instruction_;
  const tokenizer::ChatTemplate chat_;
  int64_t num_cut_ = 0;
};

// Says what does not go together; the first fault is the error.
absl::Status LogFindings(const std::vector<joins::Finding>& findings) {
  for (const joins::Finding& finding : findings) {
    if (finding.verdict == joins::Verdict::kWarning) {
      CR_LOG(WARNING) << joins::Sentence(finding);
    } else if (finding.verdict == joins::Verdict::kFine) {
      CR_LOG(INFO) << joins::Sentence(finding);
    }
  }
  return joins::FirstFault(findings);
}

// The rows of a split, once they have been found to go with the catalog.
absl::StatusOr<std::vector<data::DialogueRow>> ReadSplit(const config::RunOptions& options,
                                                         const catalog::Catalog& catalog,
                                                         const config::DataSplitOptions& split,
                                                         const std::string& key) {
  if (split.path.empty()) {
    return base::BadConfig(
        absl::StrCat("data.", key, ".path is empty: expected a file in JSON lines"));
  }
  CR_ASSIGN_OR_RETURN(
      data::DialogueRows rows,
      data::ReadDialogues(
          split.path, {.skip = split.skip, .take = split.take}, catalog.line_format()));
  CR_RETURN_IF_ERROR(LogFindings(joins::CheckSplit(catalog, key, rows, options)));
  return std::move(rows.rows);
}

absl::StatusOr<std::vector<domain::Prompt>> MakePrompts(const std::vector<data::DialogueRow>& rows,
                                                        Renderer* renderer) {
  std::vector<domain::Prompt> prompts;
  for (const data::DialogueRow& row : rows) {
    domain::Prompt prompt{.id = row.id,
                          .token_ids = {},
                          .ground_truth = row.ground_truth,
                          .seen_titles = row.seen_titles};
    CR_ASSIGN_OR_RETURN(prompt.token_ids, renderer->PromptTokens(row));
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

absl::StatusOr<EvaluationSplit> MakeEvaluationSplit(const config::RunOptions& options,
                                                    const catalog::Catalog& catalog,
                                                    const config::DataSplitOptions& split,
                                                    const std::string& key,
                                                    Renderer* renderer) {
  CR_ASSIGN_OR_RETURN(const std::vector<data::DialogueRow> rows,
                      ReadSplit(options, catalog, split, key));
  EvaluationSplit result;
  CR_ASSIGN_OR_RETURN(result.prompts, MakePrompts(rows, renderer));
  for (const data::DialogueRow& row : rows)
    result.conversations.push_back(renderer->ConversationText(row));
  return result;
}

// The answer each supervised row teaches, as text.
absl::StatusOr<std::vector<std::string>> SftTargets(const config::RunOptions& options,
                                                    const catalog::Catalog& catalog,
                                                    const std::vector<data::DialogueRow>& rows) {
  const lists::ListStyle style =
      options.data.numbered_lists ? lists::ListStyle::kNumbered : lists::ListStyle::kPlain;
  std::vector<std::string> targets;
  if (options.data.sft_targets == config::SftTargets::kCooccurrence) {
    const data::CooccurrenceTeacher teacher(
        &catalog, rows, style, options.data.num_ranks, config::RankCountingOf(options.compat));
    for (const data::DialogueRow& row : rows)
      targets.push_back(teacher.Completion(row, options.data.num_ranks));
    return targets;
  }
  if (options.data.sft_targets == config::SftTargets::kTeacher) {
    std::vector<size_t> by_popularity(catalog.size());
    for (size_t i = 0; i < by_popularity.size(); ++i) by_popularity[i] = i;
    std::stable_sort(by_popularity.begin(), by_popularity.end(), [&](size_t a, size_t b) {
      return catalog.popularity(a) > catalog.popularity(b);
    });
    world::Remapper remapper(&catalog, {.num_items = options.data.num_ranks});
    world::RepairCounts counts{};
    for (const data::DialogueRow& row : rows) {
      if (row.teacher.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat(options.data.sft.path,
                         ": row ",
                         row.id,
                         " has no \"teacher\", which data.sft_targets: teacher needs"));
      }
      const world::RemapResult result = remapper.Remap(row.teacher, row.seen_titles, by_popularity);
      for (size_t i = 0; i < counts.size(); ++i) counts[i] += result.counts[i];
      targets.push_back(lists::FormatList(result.items, style));
    }
    std::string summary;
    for (size_t i = 0; i < counts.size(); ++i) {
      absl::StrAppend(&summary,
                      i == 0 ? "" : ", ",
                      counts[i],
                      " ",
                      world::RepairName(static_cast<world::Repair>(i)));
    }
    CR_LOG(INFO) << "teacher lines remapped: " << summary;
    return targets;
  }
  for (const data::DialogueRow& row : rows) {
    if (row.completion.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.data.sft.path,
                       ": row ",
                       row.id,
                       " has no \"completion\", which data.sft_targets: completion needs"));
    }
    targets.push_back(row.completion);
  }
  return targets;
}

absl::Status AddSftExamples(const config::RunOptions& options,
                            const catalog::Catalog& catalog,
                            const tokenizer::Tokenizer& tokenizer,
                            Renderer* renderer,
                            RunData* data) {
  if (!tokenizer.eos_id()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.model.path,
                     ": the tokenizer names no end token, which supervised fine-tuning teaches"));
  }
  CR_ASSIGN_OR_RETURN(const std::vector<data::DialogueRow> rows,
                      ReadSplit(options, catalog, options.data.sft, "sft"));
  CR_ASSIGN_OR_RETURN(const std::vector<std::string> targets, SftTargets(options, catalog, rows));
  for (size_t i = 0; i < rows.size(); ++i) {
    SftRow example;
    CR_ASSIGN_OR_RETURN(example.prompt_tokens, renderer->PromptTokens(rows[i]));
    example.completion_tokens = tokenizer.Encode(targets[i], {.continues_text = true});
    example.completion_tokens.push_back(*tokenizer.eos_id());
    const size_t length = example.prompt_tokens.size() + example.completion_tokens.size();
    if (static_cast<int>(length) > options.learner.sft.max_tokens) {
      ++data->sft_rows_too_long;
      continue;
    }
    data->sft.push_back(std::move(example));
  }
  if (data->sft.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.data.sft.path,
                     ": all ",
                     rows.size(),
                     " rows are longer than learner.sft.max_tokens = ",
                     options.learner.sft.max_tokens));
  }
  return absl::OkStatus();
}

absl::Status CheckLengths(const std::vector<domain::Prompt>& prompts,
                          int max_new_tokens,
                          int64_t context,
                          const std::string& key) {
  for (const domain::Prompt& prompt : prompts) {
    const int64_t length = static_cast<int64_t>(prompt.token_ids.size()) + max_new_tokens;
    if (length > context) {
      return base::BadConfig(absl::StrCat(key,
                                          " = ",
                                          max_new_tokens,
                                          ": with the ",
                                          prompt.token_ids.size(),
                                          " tokens of prompt ",
                                          prompt.id,
                                          " it exceeds the model's context of ",
                                          context,
                                          "; lower it or data.max_prompt_tokens"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunData> LoadRunData(const config::RunOptions& options,
                                    const tokenizer::Tokenizer& tokenizer,
                                    int64_t context) {
  if (options.data.catalog.empty()) {
    return base::BadConfig(
        "data.catalog is empty: expected a file in JSON lines (convrec train makes the sample's)");
  }
  CR_ASSIGN_OR_RETURN(
      catalog::Catalog catalog,
      catalog::Catalog::Load(options.data.catalog, {.line_format = options.data.line_format}));
  CR_ASSIGN_OR_RETURN(Renderer renderer, Renderer::Create(options, &tokenizer));
  RunData data;
  data.catalog = std::make_shared<const catalog::Catalog>(std::move(catalog));
  CR_RETURN_IF_ERROR(LogFindings(joins::CheckTitles(*data.catalog, &tokenizer, options)));
  if (options.learner.sft.steps > 0) {
    CR_RETURN_IF_ERROR(AddSftExamples(options, *data.catalog, tokenizer, &renderer, &data));
  }
  if (options.learner.steps > 0) {
    CR_ASSIGN_OR_RETURN(const std::vector<data::DialogueRow> rows,
                        ReadSplit(options, *data.catalog, options.data.train, "train"));
    CR_ASSIGN_OR_RETURN(data.train, MakePrompts(rows, &renderer));
    CR_RETURN_IF_ERROR(CheckLengths(
        data.train, options.rollout.max_new_tokens, context, "rollout.max_new_tokens"));
  }
  const int evaluation_tokens = options.evaluation.max_new_tokens > 0
                                    ? options.evaluation.max_new_tokens
                                    : options.rollout.max_new_tokens;
  if (options.evaluation.every_steps > 0) {
    CR_ASSIGN_OR_RETURN(
        data.validation,
        MakeEvaluationSplit(
            options, *data.catalog, options.data.validation, "validation", &renderer));
    const size_t rows = static_cast<size_t>(options.evaluation.rows);
    if (rows > 0 && rows < data.validation.prompts.size()) {
      data.validation.prompts.resize(rows);
      data.validation.conversations.resize(rows);
    }
    CR_RETURN_IF_ERROR(CheckLengths(
        data.validation.prompts, evaluation_tokens, context, "evaluation.max_new_tokens"));
  }
  CR_ASSIGN_OR_RETURN(
      data.test, MakeEvaluationSplit(options, *data.catalog, options.data.test, "test", &renderer));
  CR_RETURN_IF_ERROR(
      CheckLengths(data.test.prompts, evaluation_tokens, context, "evaluation.max_new_tokens"));
  data.prompts_cut = renderer.num_cut();
  return data;
}

}  // namespace convrec::learner
