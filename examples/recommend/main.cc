// Recommends five titles of a catalog with a model, and prints the reward of each rank.
//   recommend MODEL_DIRECTORY CATALOG MESSAGE "WANTED TITLE (YEAR)"...
// MESSAGE is the user's message. The wanted titles are those that count as hits.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/enum_names.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog.h"
#include "libs/constraint/list_constraint.h"
#include "libs/constraint/list_titles.h"
#include "libs/engine/decoder_engine.h"
#include "libs/lists/list_format.h"
#include "libs/lists/list_parser.h"
#include "libs/scoring/list_scorer.h"
#include "libs/text_model/model_text.h"

namespace {

using convrec::catalog::Catalog;
using convrec::text_model::ModelText;

constexpr int kNumRanks = 5;

// One list, constrained to titles of the catalog.
absl::StatusOr<std::string> DrawList(const std::string& model_directory,
                                     const Catalog& catalog,
                                     const std::string& message) {
  CR_ASSIGN_OR_RETURN(const auto text, ModelText::Load(model_directory, {}));
  const convrec::tokenizer::Tokenizer& tokenizer = text->tokenizer();
  CR_ASSIGN_OR_RETURN(const auto titles,
                      convrec::constraint::MakeListTitles(std::make_shared<Catalog>(catalog),
                                                          convrec::lists::ListStyle::kNumbered,
                                                          kNumRanks,
                                                          tokenizer));
  convrec::engine::DecoderEngineOptions options;
  options.stop_token_ids = tokenizer.stop_ids();
  CR_ASSIGN_OR_RETURN(
      const auto engine,
      convrec::engine::MakeDecoderEngine(model_directory, /*load_weights=*/true, options));

  convrec::engine::GenerationRequest request;
  const std::vector<convrec::tokenizer::ChatMessage> chat = {{"user", message}};
  CR_ASSIGN_OR_RETURN(request.prompt_token_ids, text->EncodeChat(chat));
  CR_ASSIGN_OR_RETURN(request.make_constraint,
                      convrec::constraint::MakeListConstraints(titles, /*seen_titles=*/{}));
  request.sampling.temperature = 0;  // The most likely list.
  request.sampling.max_new_tokens = static_cast<int>(titles->max_list_tokens());
  CR_RETURN_IF_ERROR(engine->Add(std::move(request)));
  while (true) {
    CR_ASSIGN_OR_RETURN(const auto results, engine->Step());
    if (!results.empty()) return tokenizer.Decode(results.front().completions.front().token_ids);
  }
}

absl::Status Recommend(const std::string& model_directory,
                       const std::string& catalog_path,
                       const std::string& message,
                       const std::vector<std::string>& wanted) {
  CR_ASSIGN_OR_RETURN(const Catalog catalog, Catalog::Load(catalog_path));
  convrec::scoring::Prompt prompt;
  for (const std::string& line : wanted) {
    const auto item = convrec::lists::ParseLine(line);
    if (!item)
      return absl::InvalidArgumentError("\"" + line + "\" is not of the form Title (Year)");
    prompt.ground_truth.push_back(*item);
  }
  CR_ASSIGN_OR_RETURN(const auto scorer,
                      convrec::scoring::ListScorer::Create(catalog, {.num_ranks = kNumRanks}));
  CR_ASSIGN_OR_RETURN(const std::string list, DrawList(model_directory, catalog, message));
  const convrec::domain::ListScore score = scorer->Score(list, prompt);
  for (size_t rank = 0; rank < score.lines.size(); ++rank) {
    const convrec::domain::ScoredLine& line = score.lines[rank];
    std::printf("%zu. %s\t%s\treward %g\n",
                rank + 1,
                convrec::lists::FormatItem(line.item).c_str(),
                convrec::base::NameOf(line.outcome).c_str(),
                static_cast<double>(score.rank_rewards.at(rank)));
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: recommend MODEL_DIRECTORY CATALOG MESSAGE \"TITLE (YEAR)\"...\n");
    return 64;
  }
  const absl::Status status = Recommend(argv[1], argv[2], argv[3], {argv + 4, argv + argc});
  if (status.ok()) return 0;
  std::fprintf(stderr, "recommend: %s\n", status.ToString().c_str());
  return 1;
}
