// The text that a template or one of its blocks has printed so far.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/jinja/meter.h"

namespace convrec::jinja {

// The meter counts the text and must outlive it.
class Output final {
 public:
  explicit Output(Meter* meter) : meter_(meter) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { meter_->Release(text_.size()); }

  absl::Status Append(std::string_view part) {
    if (absl::Status status = meter_->CheckText(text_.size() + part.size()); !status.ok()) {
      return status;
    }
    if (absl::Status status = meter_->WorkOnBytes(part.size()); !status.ok()) return status;
    meter_->Hold(part.size());
    text_ += part;
    return absl::OkStatus();
  }

  const std::string& text() const { return text_; }

 private:
  Meter* const meter_;
  std::string text_;
};

}  // namespace convrec::jinja
