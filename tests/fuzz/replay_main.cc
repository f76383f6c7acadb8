// Runs a fuzz target without libFuzzer: over its corpus, then over random changes of it. The same
// arguments give the same inputs.
//   TARGET CORPUS_FOLDER NUM_CHANGED_INPUTS
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "libs/base/files.h"
#include "libs/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using convrec::base::RandomStream;

constexpr size_t kMaxBytes = 4096;

void RunTarget(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// One small change: a byte, a run of bytes taken out, doubled or brought in from another input.
std::string Changed(std::string input, const std::string& other, RandomStream* random) {
  const size_t at = random->Below(input.size() + 1);
  const size_t size = 1 + random->Below(16);
  switch (random->Below(5)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(random->Below(256));
      break;
    case 1:
      input.insert(at, 1, static_cast<char>(random->Below(256)));
      break;
    case 2:
      input.erase(at, size);
      break;
    case 3:
      input.insert(at, std::string(input.substr(at, size)));
      break;
    default:
      input.insert(at, other.substr(random->Below(other.size() + 1), size));
  }
  input.resize(std::min(input.size(), kMaxBytes));
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " CORPUS_FOLDER NUM_CHANGED_INPUTS\n";
    return 64;
  }
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const std::string& path : paths) {
    const auto content = convrec::base::ReadFile(path);
    if (!content.ok()) {
      std::cerr << content.status() << "\n";
      return 74;
    }
    corpus.push_back(*content);
    RunTarget(corpus.back());
  }
  if (corpus.empty()) {
    std::cerr << argv[1] << ": the corpus is empty\n";
    return 65;
  }
  RandomStream random(1, 0);
  const long num_changed = std::strtol(argv[2], nullptr, 10);
  for (long i = 0; i < num_changed; ++i) {
    std::string input = corpus[random.Below(corpus.size())];
    for (uint64_t changes = 1 + random.Below(8); changes > 0; --changes) {
      input = Changed(std::move(input), corpus[random.Below(corpus.size())], &random);
    }
    RunTarget(input);
  }
  std::cout << corpus.size() << " inputs of the corpus and " << num_changed << " changed ones\n";
  return 0;
}
