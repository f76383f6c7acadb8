#include "libs/weights/byte_buffer.h"

#include <sys/mman.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::weights {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

ByteBuffer::ByteBuffer(size_t size) : size_(size) {
  if (size == 0) return;
  // Huge pages if the system has them: touching fresh memory then takes a third of the time.
  const size_t alignment = size >= kHugePage ? kHugePage : 64;
  const size_t whole = (size + alignment - 1) / alignment * alignment;
  data_ = static_cast<char*>(std::aligned_alloc(alignment, whole));
  CR_CHECK(data_ != nullptr, absl::StrCat("no memory for ", size, " bytes of weights"));
  if (size >= kHugePage) ::madvise(data_, whole, MADV_HUGEPAGE);
}

ByteBuffer::~ByteBuffer() { std::free(data_); }

ByteBuffer BufferPool::Take(size_t size) {
  {
    absl::MutexLock lock(&mu_);
    if (spare_.size() == size) return std::move(spare_);
  }
  return ByteBuffer(size);
}

void BufferPool::Give(ByteBuffer buffer) {
  absl::MutexLock lock(&mu_);
  if (buffer.size() >= spare_.size()) std::swap(spare_, buffer);
}

}  // namespace convrec::weights
