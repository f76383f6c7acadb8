// Any bytes as what a client or a worker sends. The first byte says which message the others are:
// 0 ScoreGroupRequest, 1 ListScore, 2 RolloutGroup. What is accepted can be scored,
// and a score or a group that is accepted survives a round trip.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "libs/base/check.h"
#include "libs/catalog/catalog.h"
#include "libs/scoring/list_scorer.h"
#include "libs/wire/list_score.h"
#include "libs/wire/rollout.h"
#include "proto/reward.pb.h"
#include "services/reward/service_parts.h"

namespace convrec::reward {
namespace {

const scoring::ListScorer& Scorer() {
  static const auto* const scorer =
      new std::shared_ptr<const scoring::ListScorer>(*scoring::ListScorer::Create(
          *catalog::Catalog::FromItems({{{"Heat", 1995}, {}, 0}, {{"B", 2000}, {}, 0}}, "fuzz"),
          {}));
  return **scorer;
}

void Score(const std::string& text, const scoring::Prompt& prompt) {
  const v1::ListScore score = wire::ToProto(Scorer().Score(text, prompt));
  CR_CHECK(wire::FromProto(score, Scorer().options().num_ranks).ok());
}

}  // namespace
}  // namespace convrec::reward

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace convrec;
  google::protobuf::SetLogHandler(nullptr);  // It tells of every invalid input.
  if (size == 0) return 0;
  const auto parse = [&](google::protobuf::Message* message) {
    return message->ParseFromArray(data + 1, static_cast<int>(size - 1));
  };
  if (data[0] % 3 == 0) {
    v1::ScoreGroupRequest request;
    if (!parse(&request)) return 0;
    const auto prompt = reward::ReadPrompt(request, reward::Scorer());
    if (!prompt.ok()) return 0;
    for (const std::string& text : request.completions()) reward::Score(text, *prompt);
  } else if (data[0] % 3 == 2) {
    v1::RolloutGroup message;
    if (!parse(&message)) return 0;
    const auto group = wire::FromProto(message, {.num_ranks = 1, .vocab_size = 10});
    if (group.ok()) {
      for (const domain::Rollout& rollout : group->rollouts) {
        CR_CHECK(domain::OldestVersion(rollout.completion) <=
                 domain::NewestVersion(rollout.completion));
      }
      CR_CHECK(wire::FromProto(wire::ToProto(*group), {.num_ranks = 1, .vocab_size = 10}).ok());
    }
  } else {
    v1::ListScore message;
    if (!parse(&message)) return 0;
    const auto score = wire::FromProto(message, message.rank_rewards_size());
    if (score.ok()) {
      CR_CHECK(wire::FromProto(wire::ToProto(*score), message.rank_rewards_size()).ok());
    }
  }
  return 0;
}
