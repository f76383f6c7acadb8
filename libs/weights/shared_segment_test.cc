#include "libs/weights/shared_segment.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/digest.h"
#include "libs/base/files.h"

namespace convrec::weights {
namespace {

class SharedSegmentTest : public ::testing::Test {
 protected:
  std::unique_ptr<SegmentWriter> Writer(int64_t epoch = 1) {
    auto writer = SegmentWriter::Create(folder_.path(), {epoch});
    EXPECT_TRUE(writer.ok()) << writer.status();
    return *std::move(writer);
  }
  // Segments of this test's run.
  int Count() const {
    const std::string prefix =
        absl::StrCat("convrec.", base::DigestOf(folder_.path()).substr(0, 16), ".");
    int count = 0;
    DIR* folder = ::opendir("/dev/shm");
    if (folder == nullptr) return 0;
    while (const dirent* entry = ::readdir(folder))
      count += std::string(entry->d_name).rfind(prefix, 0) == 0;
    ::closedir(folder);
    return count;
  }
  // A process that creates two segments of this run and is killed. Another test's writer may remove
  // them at any time.
  void KillAWriter() const {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto writer = SegmentWriter::Create(folder_.path(), {1});
      if (!writer.ok() || !(*writer)->Write("whole", "left behind").ok()) ::_exit(1);
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  static std::string Read(const SegmentRef& ref) {
    std::string bytes(ref.size_bytes, '\0');
    const absl::Status status = ReadSegment(ref, bytes.data());
    return status.ok() ? bytes : std::string(status.message());
  }

  base::TemporaryDirectory folder_;  // Its path is unique, so it names the run.
};

TEST_F(SharedSegmentTest, PayloadsArriveAndSegmentsEndWithTheirWriter) {
  SegmentRef ref;
  {
    const auto writer = Writer();
    EXPECT_TRUE(CanRead(writer->probe()));
    ref = *writer->Write("whole", "some weights");
    EXPECT_EQ(Read(ref), "some weights");
    EXPECT_EQ(Count(), 2);
  }
  EXPECT_EQ(Count(), 0);
  EXPECT_TRUE(absl::IsNotFound(ReadSegment(ref, nullptr)));
}

TEST_F(SharedSegmentTest, TwoPayloadsOfAKindStandAndTheThirdTakesTheOlderOnesPlace) {
  const auto writer = Writer();
  const SegmentRef first = *writer->Write("whole", "first");
  const SegmentRef second = *writer->Write("whole", "second");
  const SegmentRef delta = *writer->Write("delta", "delta");
  EXPECT_EQ(Read(first), "first");
  const SegmentRef third = *writer->Write("whole", "third");
  std::string bytes(5, '\0');
  EXPECT_TRUE(absl::IsAborted(ReadSegment(first, bytes.data())) ||
              absl::IsNotFound(ReadSegment(first, bytes.data())));
  EXPECT_EQ(Read(second), "second");
  EXPECT_EQ(Read(third), "third");
  EXPECT_EQ(Read(delta), "delta");
  EXPECT_EQ(Read(*writer->Write("whole", std::string(10000, 'x'))), std::string(10000, 'x'));
}

TEST_F(SharedSegmentTest, AnotherTokenNameOrSizeIsRefused) {
  const auto writer = Writer();
  const SegmentRef ref = *writer->Write("whole", "some weights");
  std::string bytes(1 << 20, '\0');
  SegmentRef other = ref;
  other.token[0] = other.token[0] == '0' ? '1' : '0';
  EXPECT_TRUE(absl::IsDataLoss(ReadSegment(other, bytes.data())));
  other = ref;
  other.size_bytes = bytes.size();
  EXPECT_TRUE(absl::IsDataLoss(ReadSegment(other, bytes.data())));
  other = ref;
  other.token.clear();
  EXPECT_TRUE(absl::IsDataLoss(ReadSegment(other, bytes.data())));
  SegmentProbe probe = writer->probe();
  probe.token[5] = probe.token[5] == '0' ? '1' : '0';
  EXPECT_FALSE(CanRead(probe));
  EXPECT_FALSE(CanRead({}));
  EXPECT_FALSE(CanRead({.name = "/convrec.nobody", .token = std::string(32, '0')}));
}

// Each payload is one repeated letter: a torn copy would show two.
TEST_F(SharedSegmentTest, AReaderNeverTakesAHalfOverwrittenPayload) {
  const auto writer = Writer();
  const size_t size = 1 << 20;
  absl::Mutex mu;
  SegmentRef newest = *writer->Write("whole", std::string(size, 'a'));
  std::atomic<bool> done{false};
  std::atomic<int> torn{0};
  std::atomic<int> whole{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      std::string bytes(size, '\0');
      while (!done) {
        SegmentRef ref;
        {
          absl::MutexLock lock(&mu);
          ref = newest;
        }
        if (!ReadSegment(ref, bytes.data()).ok()) continue;
        ++whole;
        if (bytes.find_first_not_of(bytes[0]) != std::string::npos) ++torn;
      }
    });
  }
  for (int i = 1; i < 300 || whole < 10; ++i) {
    const SegmentRef ref =
        *writer->Write("whole", std::string(size, static_cast<char>('a' + i % 26)));
    absl::MutexLock lock(&mu);
    newest = ref;
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_F(SharedSegmentTest, WhatAKilledWriterLeftIsRemovedAndALivingWriterKeepsItsOwn) {
  KillAWriter();
  const auto second = Writer(2);
  EXPECT_EQ(Count(), 1);
  const SegmentRef kept = *second->Write("whole", "kept");
  const auto third = Writer(3);
  EXPECT_EQ(Read(kept), "kept");
}

// Its run may never be started again.
TEST_F(SharedSegmentTest, WhatAKilledWriterLeftIsRemovedByAWriterOfAnotherRun) {
  KillAWriter();
  const base::TemporaryDirectory other;
  const auto writer = SegmentWriter::Create(other.path(), {1});
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_EQ(Count(), 0);
}

TEST_F(SharedSegmentTest, WhatAKilledWriterLeftCanBeRemovedWithoutAWriter) {
  const auto living = Writer();
  KillAWriter();
  RemoveDeadSegments();
  EXPECT_EQ(Count(), 1);
  EXPECT_TRUE(CanRead(living->probe()));
}

TEST_F(SharedSegmentTest, FullSharedMemoryIsASentenceAndNothingIsLeft) {
  const auto writer = Writer();
  // More than any machine has; the bytes are never touched.
  const auto ref = writer->Write("whole", std::string_view("x", size_t{1} << 50));
  ASSERT_FALSE(ref.ok());
  EXPECT_NE(ref.status().message().find("shared memory"), std::string::npos);
  EXPECT_EQ(Count(), 1);
  EXPECT_EQ(Read(*writer->Write("whole", "next")), "next");
}

}  // namespace
}  // namespace convrec::weights
