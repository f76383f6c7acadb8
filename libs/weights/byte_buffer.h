// Memory for the bytes of a policy: large, never grown, not zeroed first.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace convrec::weights {

// Movable; moving keeps data() valid.
class ByteBuffer final {
 public:
  ByteBuffer() = default;
  // The initial values are unspecified. Dies when there is no memory.
  explicit ByteBuffer(size_t size);
  ByteBuffer(ByteBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ByteBuffer();

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  std::string_view view() const { return {data_, size_}; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

// Keeps the memory of one finished buffer for the next one of the same size, because obtaining
// fresh memory costs many times as much as writing to it. Thread-safe.
class BufferPool final {
 public:
  // The buffer that was given if it has this size, otherwise a fresh one.
  ByteBuffer Take(size_t size) ABSL_LOCKS_EXCLUDED(mu_);
  void Give(ByteBuffer buffer) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Mutex mu_;
  ByteBuffer spare_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::weights
