#include "libs/world/export.h"

#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>
#include <vector>

#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/lists/list_parser.h"
#include "libs/lists/ranking_metrics.h"
#include "libs/world/film_catalog.h"
#include "libs/world/rankers.h"

namespace convrec::world {
namespace {

using Json = nlohmann::ordered_json;

Json ItemsJson(const std::vector<domain::Item>& items) {
  Json array = Json::array();
  for (const domain::Item& item : items)
    array.push_back({{"title", item.title}, {"year", item.year}});
  return array;
}

Json ConversationJson(const Conversation& conversation) {
  Json context = Json::array();
  for (const Turn& turn : conversation.context)
    context.push_back({{"role", turn.role}, {"text", turn.text}});
  return {{"id", conversation.id},
          {"context", std::move(context)},
          {"seen_titles", conversation.seen_titles},
          {"groundtruth", ItemsJson(conversation.ground_truth)}};
}

std::string CatalogText(const catalog::Catalog& catalog) {
  std::string text;
  for (const catalog::CatalogItem& entry : catalog.items()) {
    text += Json{{"title", entry.item.title},
                 {"year", entry.item.year},
                 {"genres", entry.genres},
                 {"popularity", entry.popularity}}
                .dump() +
            "\n";
  }
  return text;
}

// Everything that is created once from the options.
class Exporter final {
 public:
  explicit Exporter(const ExportOptions& options)
      : options_(options),
        world_(EmbeddedFilms(), options.world),
        generator_(&world_, options.users, options.world.seed),
        teacher_(&world_, options.teacher, options.world.seed),
        catalog_(world_.ToCatalog()),
        remapper_(&catalog_, options.remap) {
    if (options.fill_lists) {
      fill_order_.resize(world_.num_films());
      std::iota(fill_order_.begin(), fill_order_.end(), size_t{0});
    }
  }

  const catalog::Catalog& catalog() const { return catalog_; }

  std::string SftText(Json& summary) {
    std::string text;
    RepairCounts counts{};
    for (size_t i = 0; i < options_.num_sft; ++i) {
      const Conversation conversation = generator_.Make(Split::kSft, i);
      const std::string answer = teacher_.Answer(conversation, Split::kSft, i);
      const RemapResult remapped = remapper_.Remap(answer, conversation.seen_titles, fill_order_);
      for (size_t k = 0; k < kNumRepairs; ++k) counts[k] += remapped.counts[k];
      Json row = ConversationJson(conversation);
      row["teacher"] = answer;
      row["completion"] = lists::FormatList(remapped.items, options_.style);
      text += row.dump() + "\n";
    }
    Json repairs;
    for (size_t k = 0; k < kNumRepairs; ++k)
      repairs[RepairName(static_cast<Repair>(k))] = counts[k];
    summary["remap"] = std::move(repairs);
    return text;
  }

  std::string PromptText(Split split, size_t size) const {
    std::string text;
    for (size_t i = 0; i < size; ++i)
      text += ConversationJson(generator_.Make(split, i)).dump() + "\n";
    return text;
  }

  // NDCG@20 of the reference rankings over the first test conversations.
  Json ReferenceRankings() {
    const size_t num_items = static_cast<size_t>(options_.remap.num_items);
    const BayesRanker bayes(&world_, &generator_);
    double popularity = 0, raw = 0, remapped = 0, posterior = 0, taste = 0;
    for (size_t i = 0; i < options_.num_summary; ++i) {
      const Conversation conversation = generator_.Make(Split::kTest, i);
      const std::string answer = teacher_.Answer(conversation, Split::kTest, i);
      popularity += Ndcg(PopularityList(world_, conversation, num_items), conversation);
      raw += Ndcg(lists::ParseList(answer, lists::RankCounting::kReference).Items(), conversation);
      remapped +=
          Ndcg(remapper_.Remap(answer, conversation.seen_titles, fill_order_).items, conversation);
      posterior += Ndcg(bayes.List(conversation, num_items), conversation);
      taste +=
          Ndcg(TasteList(world_, options_.users.weights, conversation, num_items), conversation);
    }
    const double n = static_cast<double>(options_.num_summary);
    return {{"conversations", options_.num_summary},
            {"popularity", popularity / n},
            {"teacher", raw / n},
            {"teacher_remapped", remapped / n},
            {"bayes_from_prompt", posterior / n},
            {"exact_taste", taste / n}};
  }

 private:
  double Ndcg(const std::vector<domain::Item>& items, const Conversation& conversation) const {
    return lists::EvaluateList(
               items, conversation.ground_truth, conversation.seen_titles, catalog_, {})
        .ndcg.back();
  }

  ExportOptions options_;
  World world_;
  Generator generator_;
  Teacher teacher_;
  catalog::Catalog catalog_;
  Remapper remapper_;
  std::vector<size_t> fill_order_;
};

}  // namespace

absl::StatusOr<std::string> ExportWorld(const ExportOptions& options,
                                        const std::string& directory) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  Exporter exporter(options);
  Json summary{{"seed", options.world.seed},
               {"films", options.world.num_films},
               {"core_films", options.world.num_core},
               {"sft", options.num_sft},
               {"train", options.num_train},
               {"validation", options.num_validation},
               {"test", options.num_test}};
  const auto write = [&directory](const std::string& name, const std::string& text) {
    return base::WriteFileAtomically(base::JoinPath(directory, name), text);
  };
  CR_RETURN_IF_ERROR(write("catalog.jsonl", CatalogText(exporter.catalog())));
  CR_RETURN_IF_ERROR(write("sft.jsonl", exporter.SftText(summary)));
  CR_RETURN_IF_ERROR(write("train.jsonl", exporter.PromptText(Split::kTrain, options.num_train)));
  CR_RETURN_IF_ERROR(
      write("validation.jsonl", exporter.PromptText(Split::kValidation, options.num_validation)));
  CR_RETURN_IF_ERROR(write("test.jsonl", exporter.PromptText(Split::kTest, options.num_test)));
  if (options.num_summary > 0) summary["ndcg20"] = exporter.ReferenceRankings();
  std::string text = summary.dump(2) + "\n";
  CR_RETURN_IF_ERROR(write("summary.json", text));
  return text;
}

}  // namespace convrec::world
