// render_template: templates rendered from standard input, for comparison with jinja2.
//
// Each line is {"template": text, "variables": {...}, "now": "2025-03-01T12:00:00"}; each answer is
// {"text": ...}, {"load_error": ...} or {"render_error": ...}.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/program.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/json_text.h"
#include "libs/jinja/template.h"

namespace convrec::jinja {
namespace {

absl::StatusOr<std::string> Answer(const std::string& name, const std::string& text) {
  MappingBuilder answer(nullptr);
  answer.SetText(name, Value::OfText(text));
  CR_ASSIGN_OR_RETURN(const Value value, answer.Build());
  return ToJson(nullptr, value, {});
}

absl::StatusOr<std::string> RenderLine(const std::string& line) {
  CR_ASSIGN_OR_RETURN(const Value request, ParseJson(line));
  if (!request.is_mapping()) return absl::InvalidArgumentError("expected an object");
  const Value* source = request.mapping().Find("template");
  const Value* variables = request.mapping().Find("variables");
  if (source == nullptr || !source->is_text() || variables == nullptr || !variables->is_mapping()) {
    return absl::InvalidArgumentError("expected a template and its variables");
  }
  Template::RenderOptions options;
  if (const Value* now = request.mapping().Find("now")) {
    if (!now->is_text() || !absl::ParseLenientCivilTime(now->text(), &options.now)) {
      return absl::InvalidArgumentError("\"now\" is no time");
    }
  }
  const absl::StatusOr<Template> parsed = Template::Parse(source->text());
  if (!parsed.ok()) return Answer("load_error", std::string(parsed.status().message()));
  const absl::StatusOr<std::string> text = parsed->Render(*variables, options);
  if (!text.ok()) return Answer("render_error", std::string(text.status().message()));
  return Answer("text", *text);
}

absl::Status Run() {
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    const absl::StatusOr<std::string> answer = RenderLine(line);
    if (!answer.ok()) return base::Annotate(answer.status(), absl::StrCat("line ", number));
    std::cout << *answer << '\n';
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace convrec::jinja

int main(int argc, char** argv) {
  CLI::App app("Renders templates, one JSON object a line.");
  if (const auto code = convrec::base::ParseCommandLine(&app, argc, argv)) return *code;
  const absl::Status status = convrec::jinja::Run();
  if (status.ok()) return convrec::base::kExitOk;
  std::cout.flush();
  std::cerr << "render_template: " << status.message() << '\n';
  return convrec::base::ExitCodeOf(status);
}
