#include "libs/text_model/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"

namespace convrec::text_model {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) CR_CHECK(!stop.empty());
}

std::string StopMatcher::Push(std::string_view bytes) {
  if (found_) return "";
  if (stops_.empty()) return std::string(bytes);
  for (const char byte : bytes) {
    held_.push_back(byte);
    if (const std::string* stop = Complete()) {
      found_ = true;
      held_.resize(held_.size() - stop->size());
      return std::exchange(held_, "");
    }
  }
  const size_t open = OpenSuffix();
  std::string released = held_.substr(0, held_.size() - open);
  held_.erase(0, released.size());
  return released;
}

std::string StopMatcher::Finish() { return std::exchange(held_, ""); }

const std::string* StopMatcher::Complete() const {
  const std::string* longest = nullptr;
  for (const std::string& stop : stops_) {
    if (held_.ends_with(stop) && (longest == nullptr || stop.size() > longest->size())) {
      longest = &stop;
    }
  }
  return longest;
}

size_t StopMatcher::OpenSuffix() const {
  size_t open = 0;
  for (const std::string& stop : stops_) {
    for (size_t size = std::min(stop.size() - 1, held_.size()); size > open; --size) {
      if (std::string_view(held_).ends_with(std::string_view(stop).substr(0, size))) {
        open = size;
        break;
      }
    }
  }
  return open;
}

}  // namespace convrec::text_model
