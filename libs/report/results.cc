#include "libs/report/results.h"

#include "absl/strings/str_cat.h"
#include "libs/base/enum_names.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace convrec::report {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Evaluation> Last(const RunLog& log, Stage stage, Split split) {
  std::optional<Evaluation> last;
  for (const Evaluation& evaluation : log.evaluations) {
    if (evaluation.stage != stage || evaluation.split != split) continue;
    if (!last || evaluation.step >= last->step) last = evaluation;
  }
  return last;
}

Results ResultsOn(const RunLog& log, Split split) {
  return {split,
          Last(log, Stage::kZeroShot, split),
          Last(log, Stage::kSft, split),
          Last(log, Stage::kRl, split)};
}

Json Headline(const std::optional<Evaluation>& evaluation) {
  return evaluation ? Json(Ndcg20(*evaluation)) : Json(nullptr);
}

Json Behaviour(const std::optional<Evaluation>& evaluation) {
  if (!evaluation) return nullptr;
  Json object = Json::object();
  object["step"] = evaluation->step;
  object["recall20"] = evaluation->list("recall")[kAt20];
  object["ndcg20_strict"] = evaluation->list("ndcg_strict")[kAt20];
  for (size_t row = 0; row < evaluation->rows().size(); ++row) {
    const statistics::Statistic& statistic = evaluation->rows()[row];
    if (statistic.shape == statistics::Shape::kNumber && statistic.name != "seconds")
      object[std::string(statistic.name)] = evaluation->at(row).front();
  }
  return object;
}

}  // namespace

std::optional<double> Results::Ratio() const {
  if (!sft || !rl || !(Ndcg20(*sft) > 0)) return std::nullopt;
  return Ndcg20(*rl) / Ndcg20(*sft);
}

Results FinalResults(const RunLog& log) {
  const Results test = ResultsOn(log, Split::kTest);
  return test.empty() ? ResultsOn(log, Split::kValidation) : test;
}

std::string SummaryJson(const Results& results, const RunOutcome& outcome) {
  Json json = Json::object();
  json["zero_shot_ndcg20"] = Headline(results.zero_shot);
  json["sft_ndcg20"] = Headline(results.sft);
  json["rl_ndcg20"] = Headline(results.rl);
  const std::optional<double> ratio = results.Ratio();
  json["ratio"] = ratio ? Json(*ratio) : Json(nullptr);
  json["seconds"] = outcome.seconds;
  const std::optional<Evaluation>& any = results.rl    ? results.rl
                                         : results.sft ? results.sft
                                                       : results.zero_shot;
  json["split"] = any ? Json(base::NameOf(results.split)) : Json(nullptr);
  json["rows"] = any ? Json(any->count("rows")) : Json(nullptr);
  json["zero_shot"] = Behaviour(results.zero_shot);
  json["sft"] = Behaviour(results.sft);
  json["rl"] = Behaviour(results.rl);
  json["name"] = outcome.name;
  json["seed"] = outcome.seed;
  json["config_digest"] = outcome.config_digest;
  json["finished"] = outcome.is_finished;
  json["exit_code"] = outcome.exit_code;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<RunOutcome> ReadSummary(const std::string& path) {
  CR_ASSIGN_OR_RETURN(const std::string content, base::ReadFile(path));
  const Json json = Json::parse(content, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected one JSON object"));
  const auto has = [&json](const char* name, bool (Json::*is)() const noexcept) {
    return json.contains(name) && (json[name].*is)();
  };
  if (!has("seconds", &Json::is_number) || !has("finished", &Json::is_boolean)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": fields \"seconds\" and \"finished\" are expected"));
  }
  RunOutcome outcome;
  outcome.seconds = json["seconds"].get<double>();
  outcome.is_finished = json["finished"].get<bool>();
  if (has("name", &Json::is_string)) outcome.name = json["name"].get<std::string>();
  if (has("config_digest", &Json::is_string))
    outcome.config_digest = json["config_digest"].get<std::string>();
  if (has("seed", &Json::is_number_unsigned)) outcome.seed = json["seed"].get<uint64_t>();
  if (has("exit_code", &Json::is_number_integer)) outcome.exit_code = json["exit_code"].get<int>();
  return outcome;
}

}  // namespace convrec::report
