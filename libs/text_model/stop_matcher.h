// Ends a text as soon as one of its stop strings is complete.
//
// The output never contains part of a stop string: bytes that may still become one are held back.
// The result does not depend on how the text is split into pieces. The stop string that is complete
// first ends the text; of several that are complete at the same byte, the longest does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convrec::text_model {

// Not thread-safe.
class StopMatcher final {
 public:
  // No stop string may be empty. Without stop strings nothing ends the text.
  explicit StopMatcher(std::vector<std::string> stops);

  // The bytes now known to belong to the text; "" once a stop string was found.
  std::string Push(std::string_view bytes);
  // Call when the text has ended for another reason; returns what was held back.
  std::string Finish();

  bool found() const { return found_; }

 private:
  // The longest stop string at the end of held_, or nullptr.
  const std::string* Complete() const;
  // Bytes at the end of held_ that begin a stop string.
  size_t OpenSuffix() const;

  const std::vector<std::string> stops_;
  std::string held_;
  bool found_ = false;
};

}  // namespace convrec::text_model
