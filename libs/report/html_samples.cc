#include "libs/report/html_samples.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/domain/year.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

using domain::LineOutcome;

constexpr size_t kMaxShown = 12;
constexpr size_t kLongConversation = 900;  // Bytes; longer ones are folded.

const Samples* LastOf(const RunLog& log, Stage stage) {
  const Samples* last = nullptr;
  for (const Samples& samples : log.samples) {
    if (samples.stage == stage && (last == nullptr || samples.step >= last->step)) last = &samples;
  }
  return last;
}

const SampleList* Find(const Samples* samples, const std::string& id) {
  if (samples == nullptr) return nullptr;
  const auto it = std::find_if(samples->samples.begin(),
                               samples->samples.end(),
                               [&id](const SampleList& list) { return list.id == id; });
  return it == samples->samples.end() ? nullptr : &*it;
}

const char* Remark(LineOutcome outcome) {
  switch (outcome) {
    case LineOutcome::kHit:
      return "hit";
    case LineOutcome::kMiss:
      return "";
    case LineOutcome::kOffCatalog:
      return "not in catalog";
    case LineOutcome::kDuplicate:
      return "repeat";
    case LineOutcome::kSeen:
      return "named in conversation";
    case LineOutcome::kMalformed:
      return "malformed";
  }
  return "";
}

int CountHits(const SampleList& list) {
  return static_cast<int>(
      std::count_if(list.lines.begin(), list.lines.end(), [](const SampleLine& line) {
        return line.outcome == LineOutcome::kHit;
      }));
}

// The page numbers the lines itself; a list with its own numbers would show two.
std::string WithoutNumber(const std::string& text) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const bool is_numbered =
      digits > 0 && digits + 1 < text.size() && text[digits] == '.' && text[digits + 1] == ' ';
  return is_numbered ? text.substr(digits + 2) : text;
}

std::string RenderList(const char* title, const SampleList* list) {
  std::string html = absl::StrCat("<div><h4>", title);
  if (list == nullptr) return html + "</h4><p class=\"lead\">No list.</p></div>";
  const int hits = CountHits(*list);
  absl::StrAppend(&html,
                  "<small>",
                  hits,
                  hits == 1 ? " hit" : " hits",
                  " in ",
                  list->lines.size(),
                  " lines</small></h4><ol class=\"list\">");
  for (size_t i = 0; i < list->lines.size(); ++i) {
    const SampleLine& line = list->lines[i];
    const bool is_hit = line.outcome == LineOutcome::kHit;
    const bool is_bad = !is_hit && line.outcome != LineOutcome::kMiss;
    absl::StrAppend(&html,
                    "<li",
                    is_hit   ? " class=\"hit-line\""
                    : is_bad ? " class=\"bad\""
                             : "",
                    "><span>",
                    i + 1,
                    "</span><span>",
                    is_hit ? "&#10003;" : "",
                    "</span><span>",
                    EscapeHtml(WithoutNumber(line.text)),
                    "</span>");
    if (is_bad) absl::StrAppend(&html, "<em>", Remark(line.outcome), "</em>");
    absl::StrAppend(&html, "</li>");
  }
  return html + "</ol></div>";
}

bool IsFound(const SampleList& list, const domain::Item& item) {
  // The reward service matched the titles; the page only looks for the title inside lines that hit.
  return std::any_of(list.lines.begin(), list.lines.end(), [&item](const SampleLine& line) {
    return line.outcome == LineOutcome::kHit && line.text.find(item.title) != std::string::npos;
  });
}

std::string RenderTruth(const SampleList& list, const SampleList* after) {
  std::string html = "<div class=\"truth\"><em>Accepted by the user:</em>";
  for (const domain::Item& item : list.ground_truth) {
    const bool is_found = IsFound(after != nullptr ? *after : list, item);
    absl::StrAppend(&html,
                    "<span",
                    is_found ? " class=\"found\"" : "",
                    ">",
                    is_found ? "&#10003; " : "",
                    EscapeHtml(item.title),
                    item.year == domain::kNoYear ? "" : absl::StrCat(" (", item.year, ")"),
                    "</span>");
  }
  return html + "</div>";
}

std::string RenderConversation(const std::string& text) {
  const std::string body = absl::StrCat("<p class=\"conversation\">", EscapeHtml(text), "</p>");
  if (text.size() <= kLongConversation) return body;
  return absl::StrCat(
      "<details><summary>Conversation, ", text.size(), " bytes</summary>", body, "</details>");
}

}  // namespace

std::string RenderSamples(const RunLog& log) {
  const Samples* after = LastOf(log, Stage::kRl);
  const Samples* before = LastOf(log, Stage::kSft);
  if (before == nullptr) before = LastOf(log, Stage::kZeroShot);
  const Samples* lead = after != nullptr ? after : before;
  if (lead == nullptr || lead->samples.empty()) return "";
  const char* before_title = before != nullptr && before->stage == Stage::kSft
                                 ? "Before RL (after SFT)"
                                 : "Before training";
  const std::string after_title =
      after != nullptr ? absl::StrCat("After RL step ", after->step) : "";

  std::string html =
      "<h2>Sample lists</h2><p class=\"lead\">Greedy lists for the same conversations before and "
      "after reinforcement "
      "learning, the first ones of the split, not chosen. A check marks a hit: the item is one "
      "that the user accepted."
      "</p>";
  const size_t num_shown = std::min(kMaxShown, lead->samples.size());
  for (size_t i = 0; i < num_shown; ++i) {
    const SampleList& list = lead->samples[i];
    absl::StrAppend(&html,
                    "<article class=\"card sample\"><h3>",
                    EscapeHtml(list.id),
                    "</h3>",
                    RenderConversation(list.conversation),
                    RenderTruth(list, Find(after, list.id)),
                    "<div class=\"pair\">");
    if (before != nullptr) absl::StrAppend(&html, RenderList(before_title, Find(before, list.id)));
    if (after != nullptr) absl::StrAppend(&html, RenderList(after_title.c_str(), &list));
    absl::StrAppend(&html, "</div></article>");
  }
  return html;
}

}  // namespace convrec::report
