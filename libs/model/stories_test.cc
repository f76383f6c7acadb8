// Greedy text of a real pretrained model, byte for byte.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "libs/base/files.h"
#include "libs/model/testing/golden.h"
#include "libs/model/testing/llama2c.h"
#include "tests/support/paths.h"

namespace convrec::model {
namespace {

const std::string kFolder = SourcePath("../shared/data/stories260K");

TEST(StoriesTest, GreedyTextEqualsTheRecordedOne) {
  if (!base::FileExists(kFolder))
    GTEST_SKIP() << "the folder ../shared/data/stories260K is missing";
  const c10::InferenceMode inference;
  const std::unique_ptr<Decoder> decoder = ReadLlama2c(base::JoinPath(kFolder, "stories260K.bin"));
  const std::vector<std::string> pieces =
      ReadLlama2cPieces(base::JoinPath(kFolder, "tok512.bin"), decoder->config().vocab_size);
  const auto expected =
      base::ReadFile(base::JoinPath(kFolder, "stories260K.greedy200.expected.txt"));
  ASSERT_TRUE(expected.ok());
  std::vector<int64_t> ids = {1};
  std::string text;
  for (int step = 0; step < 200; ++step) {
    const GroupLayout layout = Layout({{static_cast<int64_t>(ids.size()), {}}});
    const at::Tensor hidden = RunTrunk(*decoder, layout, at::tensor(ids, at::kLong));
    const int64_t next = decoder->Logits(hidden.slice(0, -1)).argmax().item<int64_t>();
    if (next == 1) break;  // A new text begins.
    text += PieceBytes(pieces[static_cast<size_t>(next)], ids.back());
    ids.push_back(next);
  }
  EXPECT_EQ(text, *expected);
}

}  // namespace
}  // namespace convrec::model
