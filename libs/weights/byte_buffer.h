// Memory for the bytes of a policy: large, never grown, not filled with zeros first.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace convrec::weights {

// Movable; moving keeps data() valid.
class ByteBuffer final {
 public:
  ByteBuffer() = default;
  // Holds any values at first. Dies when there is no memory.
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

}  // namespace convrec::weights
