#include "libs/weights/shared_segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/digest.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"

namespace convrec::weights {
namespace {

constexpr uint64_t kMagic = 0x31474553574e4f43;
constexpr size_t kHeaderBytes = 4096;
constexpr size_t kTokenSize = 32;
constexpr char kFolder[] = "/dev/shm";  // Where Linux shows POSIX shared memory.
constexpr char kPrefix[] = "convrec.";  // Of all segments.

struct Header {
  uint64_t magic;
  char token[kTokenSize];
  std::atomic<uint64_t> generation;  // 0 while the payload is being written.
  uint64_t size_bytes;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && sizeof(Header) <= kHeaderBytes);

std::string RandomToken() {
  std::random_device device;
  std::string token;
  for (int i = 0; i < 4; ++i) absl::StrAppend(&token, absl::StrFormat("%08x", device()));
  return token;
}

class Descriptor final {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

class Mapping final {
 public:
  Mapping(int fd, size_t size, int protection)
      : size_(size), data_(::mmap(nullptr, size, protection, MAP_SHARED, fd, 0)) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (ok()) ::munmap(data_, size_);
  }
  bool ok() const { return data_ != MAP_FAILED; }
  Header* header() const { return static_cast<Header*>(data_); }
  char* payload() const { return static_cast<char*>(data_) + kHeaderBytes; }

 private:
  const size_t size_;
  void* const data_;
};

std::string ProbeName(const std::string& family) { return absl::StrCat("/", family, ".probe"); }

// A lock between processes of this user. A probe exists for a moment before it is locked, and must
// not be mistaken for a dead writer's then.
class FolderLock final {
 public:
  FolderLock()
      : file_(::shm_open(absl::StrCat("/convrec-lock.", ::getuid()).c_str(),
                         O_RDWR | O_CREAT | O_CLOEXEC,
                         0600)) {
    if (file_.get() >= 0) ::flock(file_.get(), LOCK_EX);
  }

 private:
  const Descriptor file_;
};

// The existing segments by writer, which is the part of their names before the last dot.
std::map<std::string, std::vector<std::string>> SegmentsByWriter() {
  std::map<std::string, std::vector<std::string>> segments;
  DIR* folder = ::opendir(kFolder);
  if (folder == nullptr) return segments;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string name = entry->d_name;
    if (name.rfind(kPrefix, 0) == 0) segments[name.substr(0, name.rfind('.'))].push_back(name);
  }
  ::closedir(folder);
  return segments;
}

// Removes the segments of writers whose probe is missing or not locked. Segments of other users are
// left alone.
int RemoveDead() {
  int removed = 0;
  for (const auto& [family, names] : SegmentsByWriter()) {
    const Descriptor probe(::shm_open(ProbeName(family).c_str(), O_RDWR | O_CLOEXEC, 0));
    const bool is_ours = probe.get() >= 0 || errno == ENOENT;
    if (!is_ours || (probe.get() >= 0 && ::flock(probe.get(), LOCK_EX | LOCK_NB) != 0)) continue;
    for (const std::string& name : names)
      removed += ::shm_unlink(absl::StrCat("/", name).c_str()) == 0;
  }
  if (removed > 0) {
    CR_LOG(WARNING) << "removed " << removed
                    << " shared memory segments that a learner which was killed has left behind";
  }
  return removed;
}

}  // namespace

class SegmentWriter::Segment final {
 public:
  static absl::StatusOr<std::unique_ptr<Segment>> Make(const std::string& name,
                                                       const std::string& token,
                                                       size_t capacity) {
    const auto failed = [&](int error) {
      ::shm_unlink(name.c_str());
      const std::string what = absl::StrCat("shared memory for ", capacity, " bytes of weights");
      if (error == ENOSPC || error == ENOMEM) {
        return absl::ResourceExhaustedError(absl::StrCat(what, ": ", kFolder, " is full"));
      }
      return base::ErrnoStatus(error, what);
    };
    const int fd = ::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return base::ErrnoStatus(errno, absl::StrCat("shared memory ", name));
    auto descriptor = std::make_unique<Descriptor>(fd);
    // Allocates the pages now: a full file system is an error here, but would be a signal when they
    // are written.
    if (const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(kHeaderBytes + capacity));
        error != 0) {
      return failed(error);
    }
    auto mapping = std::make_unique<Mapping>(fd, kHeaderBytes + capacity, PROT_READ | PROT_WRITE);
    if (!mapping->ok()) return failed(errno);
    Header* header = mapping->header();
    header->magic = kMagic;
    std::memcpy(header->token, token.data(), kTokenSize);
    return std::unique_ptr<Segment>(
        new Segment(name, capacity, std::move(descriptor), std::move(mapping)));
  }
  ~Segment() { ::shm_unlink(name_.c_str()); }

  const std::string& name() const { return name_; }
  size_t capacity() const { return capacity_; }
  int fd() const { return descriptor_->get(); }

  void Write(std::string_view payload, uint64_t generation) {
    Header* header = mapping_->header();
    header->generation.store(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    header->size_bytes = payload.size();
    if (!payload.empty()) std::memcpy(mapping_->payload(), payload.data(), payload.size());
    header->generation.store(generation, std::memory_order_release);
  }

 private:
  Segment(std::string name,
          size_t capacity,
          std::unique_ptr<Descriptor> descriptor,
          std::unique_ptr<Mapping> mapping)
      : name_(std::move(name)),
        capacity_(capacity),
        descriptor_(std::move(descriptor)),
        mapping_(std::move(mapping)) {}

  const std::string name_;
  const size_t capacity_;
  const std::unique_ptr<Descriptor> descriptor_;
  const std::unique_ptr<Mapping> mapping_;
};

SegmentWriter::SegmentWriter(std::string prefix, std::string token)
    : prefix_(std::move(prefix)), token_(std::move(token)) {}

SegmentWriter::~SegmentWriter() = default;

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(const std::string& run,
                                                                     domain::RunEpoch epoch) {
  const FolderLock lock;
  RemoveDead();
  const std::string token = RandomToken();
  const std::string family = absl::StrCat(
      kPrefix, base::DigestOf(run).substr(0, 16), ".", epoch.value, ".", token.substr(0, 8));
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter(absl::StrCat("/", family, "."), token));
  CR_ASSIGN_OR_RETURN(writer->probe_segment_, Segment::Make(ProbeName(family), token, 0));
  if (::flock(writer->probe_segment_->fd(), LOCK_EX | LOCK_NB) != 0) {
    return base::ErrnoStatus(errno, "locking shared memory");
  }
  writer->probe_segment_->Write({}, 1);
  writer->probe_ = {.name = ProbeName(family), .token = token};
  return writer;
}

int RemoveDeadSegments() {
  const FolderLock lock;
  return RemoveDead();
}

absl::StatusOr<SegmentRef> SegmentWriter::Write(const std::string& kind, std::string_view payload) {
  absl::MutexLock lock(&mu_);
  Pair& pair = pairs_[kind];
  std::swap(pair.older, pair.newer);
  const uint64_t generation = ++num_written_;
  if (pair.newer == nullptr || pair.newer->capacity() < payload.size()) {
    pair.newer.reset();
    CR_ASSIGN_OR_RETURN(
        pair.newer, Segment::Make(absl::StrCat(prefix_, kind, generation), token_, payload.size()));
  }
  pair.newer->Write(payload, generation);
  return SegmentRef{.name = pair.newer->name(),
                    .token = token_,
                    .generation = generation,
                    .size_bytes = payload.size()};
}

namespace {

// A mapping of the whole segment, or why there is none.
absl::StatusOr<std::unique_ptr<Mapping>> Open(const std::string& name,
                                              const std::string& token,
                                              uint64_t size_bytes) {
  const Descriptor descriptor(::shm_open(name.c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (descriptor.get() < 0) {
    return absl::NotFoundError(
        absl::StrCat("shared memory ", name, " cannot be opened: ", std::strerror(errno)));
  }
  struct stat info {};
  if (::fstat(descriptor.get(), &info) != 0 || info.st_size < static_cast<off_t>(kHeaderBytes) ||
      size_bytes > static_cast<uint64_t>(info.st_size) - kHeaderBytes) {
    return absl::DataLossError(absl::StrCat(
        "shared memory ", name, " is smaller than its payload of ", size_bytes, " bytes"));
  }
  auto mapping = std::make_unique<Mapping>(descriptor.get(), kHeaderBytes + size_bytes, PROT_READ);
  if (!mapping->ok()) return base::ErrnoStatus(errno, absl::StrCat("shared memory ", name));
  const Header* header = mapping->header();
  if (header->magic != kMagic || token.size() != kTokenSize ||
      std::memcmp(header->token, token.data(), kTokenSize) != 0) {
    return absl::DataLossError(absl::StrCat("shared memory ", name, " is not the learner's"));
  }
  return mapping;
}

}  // namespace

bool CanRead(const SegmentProbe& probe) {
  return !probe.name.empty() && Open(probe.name, probe.token, 0).ok();
}

absl::Status ReadSegment(const SegmentRef& ref, char* out) {
  CR_ASSIGN_OR_RETURN(const std::unique_ptr<Mapping> mapping,
                      Open(ref.name, ref.token, ref.size_bytes));
  const Header* header = mapping->header();
  const auto is_current = [&](std::memory_order order) {
    return header->generation.load(order) == ref.generation;
  };
  if (is_current(std::memory_order_acquire)) {
    if (ref.size_bytes > 0) std::memcpy(out, mapping->payload(), ref.size_bytes);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (is_current(std::memory_order_relaxed)) return absl::OkStatus();
  }
  return absl::AbortedError(
      absl::StrCat("shared memory ", ref.name, " has been overwritten with newer weights"));
}

}  // namespace convrec::weights
