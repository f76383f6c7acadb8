#include "services/learner/run/run_data.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog.h"
#include "libs/config/prompt_options.h"
#include "libs/config/scorer_options.h"
#include "libs/data/cooccurrence_teacher.h"
#include "libs/data/dialogue_reader.h"
#include "libs/joins/run_joins.h"
#include "libs/lists/list_format.h"
#include "libs/prompt/instruction.h"
#include "libs/prompt/prompt_renderer.h"
#include "libs/world/remap.h"

namespace convrec::learner {
namespace {

// Turns rows into token ids and keeps what there is to tell of them.
class Renderer {
 public:
  static absl::StatusOr<Renderer> Create(const prompt::ModelPrompt& prompt,
                                         const tokenizer::Tokenizer* tokenizer) {
    CR_ASSIGN_OR_RETURN(prompt::PromptRenderer prompts,
                        prompt::PromptRenderer::Create(prompt, tokenizer));
    return Renderer(std::move(prompts));
  }

  absl::StatusOr<std::vector<int32_t>> PromptTokens(const data::DialogueRow& row) {
    const prompt::PromptForm form = row.turns_kind == data::TurnsKind::kChat
                                        ? prompt::PromptForm::kChat
                                        : prompt::PromptForm::kDialogue;
    CR_ASSIGN_OR_RETURN(prompt::RenderedPrompt rendered, prompts_.Encode(row.turns, form));
    if (rendered.is_cut) ++num_cut_;
    if (form == prompt::PromptForm::kDialogue) form_ = form;
    return std::move(rendered.token_ids);
  }

  int64_t num_cut() const { return num_cut_; }
  // Chats only where no row was a dialogue.
  prompt::PromptForm form() const { return form_; }

 private:
  explicit Renderer(prompt::PromptRenderer prompts) : prompts_(std::move(prompts)) {}

  const prompt::PromptRenderer prompts_;
  int64_t num_cut_ = 0;
  prompt::PromptForm form_ = prompt::PromptForm::kChat;
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
    result.conversations.push_back(prompt::DialogueLines(row.turns));
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
  const std::string digest = catalog.digest();
  CR_ASSIGN_OR_RETURN(
      Renderer renderer,
      Renderer::Create(config::ModelPromptOf(options, digest, prompt::PromptForm::kDialogue),
                       &tokenizer));
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
  const int evaluation_tokens =
      config::ModelPromptOf(options, digest, renderer.form()).max_new_tokens;
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
  data.prompt = config::ModelPromptOf(options, digest, renderer.form());
  return data;
}

}  // namespace convrec::learner
