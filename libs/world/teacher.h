// A recorded teacher: gives the list that a large general model would have answered, with the
// faults that such lists have. It reads the request, never the latent taste.
#pragma once

#include <string>

#include "libs/world/generator.h"
#include "libs/world/world.h"

namespace convrec::world {

struct TeacherOptions {
  int num_lines = 20;
  TasteWeights weights{.main_genre = 4, .has_genre = 0.5, .era = 1.5, .popularity = 1};
  double taste_noise = 0.2;  // Gumbel noise on the order by taste, redrawn for each list.
  // Popularity bias: a line is the next film in overall popularity, or the next by taste. Some
  // lists recite what everybody knows, others mostly answer the request.
  double reciting_share = 0.55;           // Share of lists of the first kind.
  double popular_lines_reciting = 0.85;   // Their share of popular lines ...
  double popular_lines_answering = 0.15;  // ... and that of the others.
  double off_catalog = 0.10;              // Faults, per line: a real film that the catalog lacks,
  double wrong_year = 0.05;               // a year off by one to three,
  double missing_year = 0.05;             // no year,
  double misspelt = 0.03;      // a letter dropped, doubled or swapped, or no leading "The",
  double already_seen = 0.03;  // a film the user has named,
  double repeated = 0.02;      // a film listed before.
  double intro_line = 0.08;    // Share of lists that open with a sentence.
};

// Lines "1. Title (Year)", "- Title (Year)" or "Title (Year)", best first, joined by "\n".
class Teacher final {
 public:
  // `world` must outlive the teacher.
  Teacher(const World* world, const TeacherOptions& options, uint64_t seed);
  // A pure function of its arguments, the world and the options.
  std::string Answer(const Conversation& conversation, Split split, size_t index) const;

 private:
  const World* world_;
  TeacherOptions options_;
  uint64_t seed_;
};

}  // namespace convrec::world
