// What a job must have at its end, whatever has happened to it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "libs/base/files.h"
#include "libs/checkpoint/manifest.h"
#include "tests/support/job.h"

namespace convrec::testing {

inline constexpr int kTinyGroupsPerStep = 4;

// In every checkpoint of a tiny job, each group handed out is trained once, or still known: nothing
// is lost, nothing is repeated.
inline void ExpectEveryGroupIsAccountedFor(const Job& job) {
  const auto checkpoints = checkpoint::ListCheckpoints(checkpoint::CheckpointRoot(job.run_dir()));
  EXPECT_FALSE(checkpoints.empty());
  for (const checkpoint::Checkpoint& checkpoint : checkpoints) {
    const auto state = nlohmann::json::parse(checkpoint.caller_state);
    const auto cursor = state["feed_cursor"].get<int64_t>();
    const auto untrained = static_cast<int64_t>(state["untrained"].size());
    EXPECT_EQ(cursor - untrained, state["rl_step"].get<int64_t>() * kTinyGroupsPerStep)
        << checkpoint.name << ": " << checkpoint.caller_state;
  }
}

// The bytes of the trained weights.
inline std::string ModelOf(const Job& job) {
  const auto model = base::ReadFile(base::JoinPath(job.run_dir(), "model/model.safetensors"));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.value_or("");
}

}  // namespace convrec::testing
