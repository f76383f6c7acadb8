#include "libs/jinja/template.h"

#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/interpreter.h"
#include "libs/jinja/output.h"
#include "libs/jinja/parser.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

Template::Template(std::vector<std::unique_ptr<const Statement>> body) : body_(std::move(body)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

absl::StatusOr<Template> Template::Parse(std::string_view source) {
  CR_ASSIGN_OR_RETURN(Body body, ParseTemplate(source));
  return Template(std::move(body));
}

absl::StatusOr<std::string> Template::Render(const Value& variables,
                                             const RenderOptions& options) const {
  CR_CHECK(variables.is_mapping());
  Runtime runtime(options.limits, options.now);
  Output output(runtime.meter());
  Interpreter interpreter(&runtime, &variables.mapping());
  CR_RETURN_IF_ERROR(interpreter.Run(body_, &output));
  return output.text();
}

}  // namespace convrec::jinja
