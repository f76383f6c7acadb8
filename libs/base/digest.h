// 128-bit content digests (XXH3). They detect damage and differences, not malice.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace convrec::base {

// 32 lower-case hexadecimal digits.
std::string DigestOf(const void* data, size_t size_bytes);
std::string DigestOf(const std::string& bytes);

// Digests data that is fed piece by piece. Not thread-safe.
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
