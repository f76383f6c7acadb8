// 128-bit content digests (XXH3): detects damage and difference, not malice.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace convrec::base {

// 32 lower-case hexadecimal digits.
std::string DigestOf(const void* data, size_t size_bytes);
std::string DigestOf(const std::string& bytes);

// Digest of a concatenation, fed piece by piece. Not thread-safe.
class Digester final {
 public:
  Digester();
  ~Digester();
  Digester(const Digester&) = delete;
  Digester& operator=(const Digester&) = delete;
  void Update(const void* data, size_t size_bytes);
  std::string Finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace convrec::base
