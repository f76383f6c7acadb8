// Answers of a model that are held to a catalog, as its evaluations were.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/constraint/title_trie.h"
#include "libs/domain/token_constraint.h"
#include "libs/text_model/model_text.h"

namespace convrec::text_model {

// Immutable; thread-safe.
class CatalogLists final {
 public:
  // Answers are free.
  CatalogLists() = default;

  // Held to the catalog at `path` ("" = none) where the model's convrec.json says that its lists
  // were constrained, in the N and the style that it names. Warns of a catalog that is not the one
  // the model was trained with, and of one that is missing. Errors name the file.
  static absl::StatusOr<CatalogLists> Load(const std::string& path, const ModelText& text);

  bool is_on() const { return titles_ != nullptr; }

  // For one answer to a dialogue in which `seen_titles` were named; empty = every token is legal.
  // InvalidArgument when too few titles are left.
  absl::StatusOr<domain::MakeTokenConstraint> For(
      const std::vector<std::string>& seen_titles) const;

 private:
  std::shared_ptr<const constraint::TitleTrie> titles_;
};

}  // namespace convrec::text_model
