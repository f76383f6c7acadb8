#include "services/learner/parallel/rank_environment.h"

#include <initializer_list>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"

namespace convrec::learner {
namespace {

constexpr int kMaxRanks = 65536;

struct Variable {
  std::string name;
  std::string value;
};

// The first of `names` that is set and not empty.
std::optional<Variable> Find(const Environment& environment,
                             std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = environment(name);
    if (value != nullptr && *value != '\0') return Variable{name, value};
  }
  return std::nullopt;
}

absl::StatusOr<int> Number(const Variable& variable, int low, int high) {
  int number = 0;
  if (!absl::SimpleAtoi(variable.value, &number) || number < low || number > high) {
    return base::BadConfig(absl::StrCat("the environment variable ",
                                        variable.name,
                                        " is \"",
                                        variable.value,
                                        "\", expected a number from ",
                                        low,
                                        " to ",
                                        high));
  }
  return number;
}

absl::Status Missing(const std::string& name, const std::string& because) {
  return base::BadConfig(
      absl::StrCat("the environment variable ", name, " is not set, but ", because));
}

absl::StatusOr<int> NumberOr(const Environment& environment,
                             std::initializer_list<const char*> names,
                             int low,
                             int high,
                             int otherwise) {
  const std::optional<Variable> variable = Find(environment, names);
  if (!variable) return otherwise;
  return Number(*variable, low, high);
}

absl::Status FindMaster(const Environment& environment, RankPlace* place) {
  if (place->world_size == 1) return absl::OkStatus();
  const std::string because = absl::StrCat("there are ", place->world_size, " ranks");
  const auto address = Find(environment, {"MASTER_ADDR", "PET_MASTER_ADDR"});
  if (!address) return Missing("MASTER_ADDR", because);
  place->master_address = address->value;
  const auto port = Find(environment, {"MASTER_PORT", "PET_MASTER_PORT"});
  if (!port) return Missing("MASTER_PORT", because);
  CR_ASSIGN_OR_RETURN(place->master_port, Number(*port, 1, 65535));
  return absl::OkStatus();
}

absl::StatusOr<RankPlace> PlaceOfRank(const Environment& environment, const Variable& rank) {
  RankPlace place;
  const auto world_size = Find(environment, {"WORLD_SIZE"});
  if (!world_size) return Missing("WORLD_SIZE", "RANK is");
  CR_ASSIGN_OR_RETURN(place.world_size, Number(*world_size, 1, kMaxRanks));
  CR_ASSIGN_OR_RETURN(place.rank, Number(rank, 0, place.world_size - 1));
  CR_ASSIGN_OR_RETURN(place.local_rank,
                      NumberOr(environment, {"LOCAL_RANK"}, 0, place.world_size - 1, 0));
  CR_ASSIGN_OR_RETURN(
      place.ranks_here,
      NumberOr(environment, {"LOCAL_WORLD_SIZE"}, 1, place.world_size, place.local_rank + 1));
  CR_RETURN_IF_ERROR(FindMaster(environment, &place));
  return place;
}

absl::StatusOr<RankPlace> PlaceOfNode(const Environment& environment, int configured_ranks) {
  RankPlace place;
  CR_ASSIGN_OR_RETURN(const int nodes, NumberOr(environment, {"PET_NNODES"}, 1, kMaxRanks, 1));
  CR_ASSIGN_OR_RETURN(
      place.local_ranks,
      NumberOr(environment, {"PET_NPROC_PER_NODE"}, 1, kMaxRanks / nodes, configured_ranks));
  const auto node = Find(environment, {"PET_NODE_RANK"});
  if (!node && nodes > 1) return Missing("PET_NODE_RANK", "PET_NNODES is");
  int node_rank = 0;
  if (node) {
    CR_ASSIGN_OR_RETURN(node_rank, Number(*node, 0, nodes - 1));
  }
  place.ranks_here = place.local_ranks;
  place.world_size = nodes * place.local_ranks;
  place.rank = node_rank * place.local_ranks;
  if (nodes == 1 && !Find(environment, {"MASTER_ADDR", "PET_MASTER_ADDR"})) {
    place.master_address = place.world_size > 1 ? "127.0.0.1" : "";
    return place;
  }
  CR_RETURN_IF_ERROR(FindMaster(environment, &place));
  return place;
}

}  // namespace

absl::StatusOr<RankPlace> PlaceOf(const Environment& environment, int configured_ranks) {
  if (const auto rank = Find(environment, {"RANK"})) return PlaceOfRank(environment, *rank);
  if (Find(environment, {"WORLD_SIZE"})) return Missing("RANK", "WORLD_SIZE is");
  if (Find(environment, {"PET_NNODES", "PET_NODE_RANK", "PET_NPROC_PER_NODE"}))
    return PlaceOfNode(environment, configured_ranks);
  RankPlace place;
  place.world_size = place.local_ranks = place.ranks_here = configured_ranks;
  if (configured_ranks > 1) place.master_address = "127.0.0.1";
  return place;
}

}  // namespace convrec::learner
