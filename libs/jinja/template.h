// A template in the language of jinja2, in which chat templates of Hugging Face models are written.
//
// Renders what transformers' apply_chat_template renders: jinja2's ImmutableSandboxedEnvironment
// with trim_blocks, lstrip_blocks, loop controls and the tag `generation`, transformers' `tojson`,
// `raise_exception` and `strftime_now`. Templates are programs written by somebody else, so
// rendering is bounded (meter.h), and features that this implementation lacks are refused at load.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "libs/jinja/meter.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

struct Statement;

// Immutable; thread-safe. Movable.
class Template final {
 public:
  // InvalidArgument, "line 3, column 14: ...", for text that is not a template and for unknown
  // tags, filters, tests, functions and methods.
  static absl::StatusOr<Template> Parse(std::string_view source);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  struct RenderOptions {
    Limits limits = {};
    absl::CivilSecond now = {};  // The time that strftime_now() formats.
  };

  // `variables` is a mapping whose keys are names. InvalidArgument with the position where Python
  // would raise an exception, including raise_exception(); ResourceExhausted beyond the limits.
  absl::StatusOr<std::string> Render(const Value& variables, const RenderOptions& options) const;

 private:
  explicit Template(std::vector<std::unique_ptr<const Statement>> body);

  std::vector<std::unique_ptr<const Statement>> body_;
};

}  // namespace convrec::jinja
