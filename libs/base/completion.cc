#include "libs/base/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace convrec::base {
namespace {

// The first sentence, on one line.
std::string Brief(const std::string& help) {
  std::string line = help.substr(0, help.find_first_of("\n\t"));
  const size_t end = line.find(". ");
  return end == std::string::npos ? line : line.substr(0, end);
}

// The words of CLI::IsMember stand in the name of an option's type: "TEXT:{F32,BF16}".
std::vector<std::string> MembersOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{'), close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return absl::StrSplit(type.substr(open + 1, close - open - 1), ',', absl::SkipEmpty());
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

const CLI::Option* FindOption(const CLI::App& app, const std::string& word) {
  return absl::StartsWith(word, "-") ? app.get_option_no_throw(word) : nullptr;
}

// The verb that is being typed, and whether the last word is the value of an option.
struct Place {
  const CLI::App* app;
  const CLI::Option* value_of = nullptr;
};

Place PlaceOf(const CLI::App& app, const std::vector<std::string>& words) {
  Place place{&app};
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (place.value_of != nullptr) {
      place.value_of = nullptr;
      continue;
    }
    if (const CLI::Option* option = FindOption(*place.app, words[i])) {
      if (TakesValue(*option)) place.value_of = option;
      continue;
    }
    for (const CLI::App* verb : place.app->get_subcommands([](const CLI::App*) { return true; })) {
      if (verb->get_name() == words[i]) {
        place.app = verb;
        break;
      }
    }
  }
  return place;
}

class Candidates {
 public:
  explicit Candidates(std::string typed) : typed_(std::move(typed)) {}
  void Add(const std::string& word, const std::string& help) {
    if (absl::StartsWith(word, typed_)) found_.push_back({word, Brief(help)});
  }
  std::vector<Candidate> Take() { return std::move(found_); }

 private:
  const std::string typed_;
  std::vector<Candidate> found_;
};

void AddOptions(const CLI::App& app, Candidates* candidates) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // Hidden.
    for (const std::string& name : option->get_lnames())
      candidates->Add(absl::StrCat("--", name), option->get_description());
  }
}

}  // namespace

std::vector<Candidate> Complete(const CLI::App& app,
                                const std::vector<std::string>& words,
                                const KeyCompletion& keys) {
  const std::string typed = words.empty() ? "" : words.back();
  const Place place = PlaceOf(app, words);
  Candidates candidates(typed);
  if (place.value_of != nullptr) {
    for (const std::string& member : MembersOf(*place.value_of)) candidates.Add(member, "");
    return candidates.Take();
  }
  if (absl::StartsWith(typed, "-")) {
    AddOptions(*place.app, &candidates);
    return candidates.Take();
  }
  for (const CLI::App* verb : place.app->get_subcommands([](const CLI::App*) { return true; }))
    candidates.Add(verb->get_name(), verb->get_description());
  bool takes_keys = false;
  for (const CLI::Option* option : place.app->get_options()) {
    if (!option->get_positional()) continue;
    takes_keys |= option->get_type_name() == "key=value";
    for (const std::string& member : MembersOf(*option)) candidates.Add(member, "");
  }
  std::vector<Candidate> found = candidates.Take();
  if (takes_keys && keys) {
    for (Candidate& key : keys(typed)) found.push_back({std::move(key.word), Brief(key.help)});
  }
  return found;
}

}  // namespace convrec::base
