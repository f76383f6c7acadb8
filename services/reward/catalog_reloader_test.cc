#include "services/reward/catalog_reloader.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "absl/synchronization/notification.h"
#include "libs/base/files.h"

namespace convrec::reward {
namespace {

class CatalogReloaderTest : public ::testing::Test {
 protected:
  CatalogReloaderTest() {
    BlockHangupSignal();
    Write("{\"title\": \"A\", \"year\": 1999}\n");
  }
  void Write(const std::string& content) {
    ASSERT_TRUE(base::WriteFileAtomically(path_, content).ok());
  }

  base::TemporaryDirectory dir_;
  const std::string path_ = base::JoinPath(dir_.path(), "catalog.jsonl");
};

TEST_F(CatalogReloaderTest, ABrokenCatalogIsRefusedAndTheOldOneStays) {
  const auto load = [this] { return catalog::Catalog::Load(path_); };
  LiveScorer scorer(*scoring::ListScorer::Create(*load(), {}));
  const auto first = scorer.Get();
  Write("{\"title\": \"A\"");
  EXPECT_FALSE(ReloadCatalog(load, &scorer).ok());
  EXPECT_EQ(scorer.Get(), first);
  Write("{\"title\": \"B\", \"year\": 2000}\n");
  EXPECT_TRUE(ReloadCatalog(load, &scorer).ok());
  EXPECT_TRUE(scorer.Get()->catalog().Contains({"B", 2000}));
  EXPECT_NE(scorer.Get()->catalog().digest(), first->catalog().digest());
  EXPECT_TRUE(first->catalog().Contains({"A", 1999}));  // Still whole for calls that use it.
}

TEST_F(CatalogReloaderTest, ACatalogWithoutWhatTheRulesNeedIsRefused) {
  Write("{\"title\": \"A\", \"year\": 1999, \"popularity\": 3}\n");
  const auto load = [this] { return catalog::Catalog::Load(path_); };
  scoring::ListScorer::Options options;
  options.rules.terms.novelty = 1;
  LiveScorer scorer(*scoring::ListScorer::Create(*load(), options));
  Write("{\"title\": \"A\", \"year\": 1999}\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(ReloadCatalog(load, &scorer)));
}

TEST_F(CatalogReloaderTest, AFileIsNewOnceItHasChangedAndIsAtRest) {
  FileWatch watch(path_);
  EXPECT_FALSE(watch.Look());
  Write("other");
  EXPECT_FALSE(watch.Look());  // It may still be written.
  EXPECT_TRUE(watch.Look());
  EXPECT_FALSE(watch.Look());
  Write("still other");
  EXPECT_FALSE(watch.Look());
  Write("and again");
  EXPECT_FALSE(watch.Look());
  EXPECT_TRUE(watch.Look());
}

TEST_F(CatalogReloaderTest, AFileThatIsGoneIsNotLoaded) {
  FileWatch watch(path_);
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  EXPECT_FALSE(watch.Look());
  EXPECT_FALSE(watch.Look());
  Write("back");
  EXPECT_FALSE(watch.Look());
  EXPECT_TRUE(watch.Look());
}

TEST_F(CatalogReloaderTest, HangupReloads) {
  absl::Notification reloaded;
  const CatalogReloader reloader({.path = path_}, [&] { reloaded.Notify(); });
  ASSERT_EQ(::kill(::getpid(), SIGHUP), 0);
  EXPECT_TRUE(reloaded.WaitForNotificationWithTimeout(absl::Minutes(1)));
}

TEST_F(CatalogReloaderTest, AChangedFileReloads) {
  absl::Notification reloaded;
  const CatalogReloader reloader({.path = path_, .poll = absl::Milliseconds(1)}, [&] {
    if (!reloaded.HasBeenNotified()) reloaded.Notify();
  });
  // The reloader may take its first look after this; it is then told by the next one.
  for (int i = 0; !reloaded.WaitForNotificationWithTimeout(absl::Milliseconds(50)); ++i) {
    ASSERT_LT(i, 1000);
    Write(std::string(static_cast<size_t>(i) + 1, 'x'));
  }
}

}  // namespace
}  // namespace convrec::reward
