#include "libs/lists/testing/golden_cases.h"

#include <zlib.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::lists {
namespace {

using Json = nlohmann::json;

std::string Inflate(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  CR_CHECK(file != nullptr, absl::StrCat("cannot open ", path));
  std::string content;
  std::vector<char> buffer(1 << 16);
  int size = 0;
  while ((size = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0) {
    content.append(buffer.data(), static_cast<size_t>(size));
  }
  CR_CHECK(size == 0 && gzclose(file) == Z_OK, absl::StrCat(path, " is damaged"));
  return content;
}

std::vector<domain::Item> Items(const Json& pairs) {
  std::vector<domain::Item> items;
  for (const Json& pair : pairs) items.push_back({pair[0].get<std::string>(), pair[1].get<int>()});
  return items;
}

}  // namespace

std::vector<GoldenCase> ReadGoldenCases(const std::string& path) {
  std::vector<GoldenCase> cases;
  std::istringstream lines(Inflate(path));
  std::string line;
  while (std::getline(lines, line)) {
    const Json row = Json::parse(line);
    GoldenCase& golden = cases.emplace_back();
    golden.line = static_cast<int>(cases.size());
    golden.completion = row["completion"].get<std::string>();
    golden.ground_truth = Items(row["groundtruth"]);
    golden.seen_titles = row["seen_titles"].get<std::vector<std::string>>();
    golden.num_ranks = row["rec_num"].get<int>();
    golden.parsed = Items(row["parsed"]);
    for (const domain::Item& item : Items(row["catalog"])) golden.catalog.push_back({item, {}, 0});
    golden.exp_inf = row["exp_inf"].get<std::vector<double>>();
    golden.log_decay = row["log_decay"].get<std::vector<double>>();
    for (size_t c = 0; c < domain::kCutoffs.size(); ++c) {
      const Json& metrics = row["eval"][std::to_string(domain::kCutoffs[c])];
      golden.recall[c] = metrics[0].get<double>();
      golden.ndcg[c] = metrics[1].get<double>();
    }
  }
  return cases;
}

}  // namespace convrec::lists
