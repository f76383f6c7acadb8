// What may stand at the end of a command line that is being typed, from the same options and verbs
// that --help shows.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace convrec::base {

// The first argument by which the scripts of `convrec completion` ask any program of convrec for
// candidates, one "word<tab>help" a line.
inline constexpr char kCompleteWords[] = "--complete-words";

struct Candidate {
  std::string word;  // The whole word; one that ends in "=" or "." is to be typed on.
  std::string help;  // One line.
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// Candidates for a word where key=value is expected.
using KeyCompletion = std::function<std::vector<Candidate>(const std::string& word)>;

// `words` are those behind the program's name; the last one, perhaps empty, is being typed. None
// where a file or a text of the user's own is expected. `keys` may be empty.
std::vector<Candidate> Complete(const CLI::App& app,
                                const std::vector<std::string>& words,
                                const KeyCompletion& keys);

}  // namespace convrec::base
