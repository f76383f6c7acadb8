#include "libs/config/stored_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/config/load.h"
#include "libs/config/print.h"
#include "tests/support/paths.h"

namespace convrec::config {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class StoredConfigTest : public ::testing::Test {
 protected:
  RunOptions Options(std::vector<std::string> overrides = {}) {
    overrides.push_back("run_dir=" + folder_.path());
    auto options = LoadRunOptions({}, overrides);
    EXPECT_TRUE(options.ok()) << options.status();
    return options.ok() ? *options : RunOptions{};
  }

  const base::TemporaryDirectory folder_;
};

TEST_F(StoredConfigTest, ComesBackAsItWasStored) {
  ASSERT_TRUE(StoreConfig(Options({"learner.steps=7"})).ok());
  const auto stored = LoadStoredConfig(folder_.path());
  ASSERT_TRUE(stored.ok()) << stored.status();
  ASSERT_TRUE(stored->has_value());
  EXPECT_EQ((*stored)->learner.steps, 7);
}

TEST_F(StoredConfigTest, FolderWithoutOneHoldsNone) {
  const auto stored = LoadStoredConfig(folder_.path());
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_FALSE(stored->has_value());
}

TEST_F(StoredConfigTest, DamagedOneIsAnError) {
  ASSERT_TRUE(base::WriteFileAtomically(StoredConfigPath(folder_.path()), "learner: [").ok());
  EXPECT_TRUE(base::IsBadConfig(LoadStoredConfig(folder_.path()).status()));
}

TEST_F(StoredConfigTest, ChangesAreListedAndNeedConsent) {
  const RunOptions stored = Options({"learner.steps=5"});
  const RunOptions wanted = Options({"learner.steps=6"});
  EXPECT_TRUE(CheckUnchanged(stored, stored, ConfigChange::kRefused).ok());
  const absl::Status status = CheckUnchanged(stored, wanted, ConfigChange::kRefused);
  EXPECT_TRUE(base::IsBadConfig(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("learner.steps: 5 -> 6"));
  EXPECT_TRUE(CheckUnchanged(stored, wanted, ConfigChange::kAllowed).ok());
}

TEST_F(StoredConfigTest, AddressesMayChange) {
  const absl::Status status = CheckUnchanged(Options(),
                                             Options({"learner.listen=127.0.0.1:0",
                                                      "reward.listen=127.0.0.1:0",
                                                      "rollout.health_listen=127.0.0.1:0",
                                                      "rollout.learner_address=learner:1",
                                                      "rollout.reward_address=reward:1",
                                                      "telemetry.metrics_listen=127.0.0.1:0",
                                                      "telemetry.ports_dir=/p"}),
                                             ConfigChange::kRefused);
  EXPECT_TRUE(status.ok()) << status;
}

// testdata/stored_config.yaml is what the program wrote into the sample job's folder before there
// were tables, without comments.
TEST_F(StoredConfigTest, ThoseOfEarlierVersionsLoadAndMeanTheSameButForRetiredKeys) {
  const std::string path = SourcePath("libs/config/testdata/stored_config.yaml");
  const auto options = LoadRunOptions({path}, {});
  ASSERT_TRUE(options.ok()) << options.status();
  const std::vector<std::string> printed = absl::StrSplit(PrintYaml(*options), '\n');
  const std::string stored = *base::ReadFile(path);
  int num_retired = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(stored, '\n'))) {
    if (line == "    max_streams: 1024" || line == "    stream_idle_timeout_s: 60.0") {
      ++num_retired;
    } else {
      EXPECT_THAT(printed, Contains(line));
    }
  }
  EXPECT_EQ(num_retired, 2);
}

}  // namespace
}  // namespace convrec::config
