// Speed of encoding texts. Run: ninja tokenizer_bench && bench/tokenizer_bench
//
// "Known" texts consist of pieces the cache holds, as dialogues mostly do; "fresh" ones never
// repeat a word. The baseline of the merge queue is BM_OneLongPiece: its time per byte must not
// grow.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/files.h"
#include "libs/tokenizer/bpe_trainer.h"
#include "libs/tokenizer/special_ids.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::tokenizer {
namespace {

std::string Text(int num_words, int first_word) {
  std::string text;
  for (int i = 0; i < num_words; ++i) {
    // Syllables by the digits of the word's number.
    for (int n = first_word + i + 1; n > 0; n /= 7) {
      constexpr const char* kSyllables[] = {"ta", "ri", "mo", "len", "ka", "su", "ver"};
      text += kSyllables[n % 7];
    }
    text += i % 12 == 11 ? ".\n" : " ";
  }
  return text;
}

std::unique_ptr<const Tokenizer> TrainedTokenizer() {
  const base::TemporaryDirectory directory;
  BpeTrainerOptions options;
  options.vocab_size = 2000;
  const std::vector<std::string> texts = {Text(5000, 0)};
  if (!TrainBpeInto(texts, options, directory.path()).ok()) std::abort();
  return *LoadTokenizer(directory.path());
}

void Run(benchmark::State& state, const std::vector<std::string>& texts) {
  const auto tokenizer = TrainedTokenizer();
  size_t next = 0;
  int64_t num_bytes = 0;
  for (auto _ : state) {
    const std::string& text = texts[next++ % texts.size()];
    benchmark::DoNotOptimize(tokenizer->Encode(text));
    num_bytes += static_cast<int64_t>(text.size());
  }
  state.SetBytesProcessed(num_bytes);
}

void BM_KnownWords(benchmark::State& state) { Run(state, {Text(500, 0)}); }
BENCHMARK(BM_KnownWords);

void BM_FreshWords(benchmark::State& state) {
  std::vector<std::string> texts;
  for (int i = 0; i < 2000; ++i) texts.push_back(Text(500, 100000 + 500 * i));
  Run(state, texts);
}
BENCHMARK(BM_FreshWords);

void BM_OneLongPiece(benchmark::State& state) {
  std::string text = Text(static_cast<int>(state.range(0)), 0);
  std::erase_if(text, [](char c) { return c == ' ' || c == '.' || c == '\n'; });
  Run(state, {text});
}
BENCHMARK(BM_OneLongPiece)->Arg(100)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace convrec::tokenizer
