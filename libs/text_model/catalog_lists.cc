#include "libs/text_model/catalog_lists.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog.h"
#include "libs/constraint/list_constraint.h"
#include "libs/constraint/list_titles.h"

namespace convrec::text_model {

absl::StatusOr<CatalogLists> CatalogLists::Load(const std::string& path, const ModelText& text) {
  const std::optional<prompt::ModelPrompt>& prompt = text.prompt();
  CatalogLists lists;
  if (path.empty()) {
    if (prompt && prompt->constrained) {
      CR_LOG(WARNING)
          << "the model's lists were held to its catalog: name it by --catalog, without "
             "which answers are free";
    }
    return lists;
  }
  if (!prompt) {
    return base::BadConfig(absl::StrCat(path,
                                        ": a catalog needs a model whose directory says by ",
                                        prompt::kModelPromptFile,
                                        " what its lists are"));
  }
  CR_ASSIGN_OR_RETURN(catalog::Catalog catalog,
                      catalog::Catalog::Load(path, {.line_format = prompt->line_format}));
  if (catalog.digest() != prompt->catalog_digest) {
    CR_LOG(WARNING) << path << " is not the catalog that the model was trained with: its digest is "
                    << catalog.digest() << ", that one's is " << prompt->catalog_digest;
  }
  if (!prompt->constrained) return lists;
  auto titles =
      constraint::MakeListTitles(std::make_shared<const catalog::Catalog>(std::move(catalog)),
                                 prompt->list_style,
                                 prompt->num_ranks,
                                 text.tokenizer());
  if (!titles.ok()) return base::Annotate(titles.status(), path);
  lists.titles_ = *std::move(titles);
  if (lists.titles_->max_token_id() >= text.vocab_size()) {
    return absl::InvalidArgumentError(absl::StrCat(path,
                                                   ": titles take token ",
                                                   lists.titles_->max_token_id(),
                                                   ", the model has ",
                                                   text.vocab_size(),
                                                   " tokens"));
  }
  return lists;
}

absl::StatusOr<domain::MakeTokenConstraint> CatalogLists::For(
    const std::vector<std::string>& seen_titles) const {
  if (!is_on()) return domain::MakeTokenConstraint();
  return constraint::MakeListConstraints(titles_, seen_titles);
}

}  // namespace convrec::text_model
