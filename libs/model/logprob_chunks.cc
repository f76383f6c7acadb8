#include "libs/model/logprob_chunks.h"

#include <torch/types.h>

#include <algorithm>
#include <cstdint>

#include "libs/base/check.h"

namespace convrec::model {
namespace {

// A chunk's logits stay near 2 MB: small enough for the outer caches, with enough rows for a fast
// product.
int64_t ChosenRows(int64_t vocabulary) {
  return std::clamp<int64_t>((int64_t{1} << 19) / std::max<int64_t>(vocabulary, 1), 16, 4096);
}

// A row of the head costs this many times more when it is gathered than in a product with the whole
// head.
constexpr int64_t kGatherCost = 32;
constexpr int64_t kGatheredValues = int64_t{1} << 20;  // Values in a chunk's head rows.

// Divides rows of one kind, given in ascending order of their support's size.
class SupportChunker final {
 public:
  SupportChunker(const at::Tensor& target_M, const RowSupport& support)
      : target_M_(target_M),
        target_on_cpu_(target_M.cpu().contiguous()),
        support_(support),
        device_(target_M.device()) {}

  LogprobChunk Make(std::span<const int64_t> rows, bool is_whole, bool gathers_head) const {
    LogprobChunk chunk;
    chunk.count = static_cast<int64_t>(rows.size());
    chunk.rows_R =
        OnDevice(torch::tensor(at::ArrayRef<int64_t>(rows.data(), rows.size()), at::kLong));
    chunk.gathers_head = gathers_head;
    if (is_whole) {
      chunk.target_R = target_M_.index_select(0, chunk.rows_R);
      return chunk;
    }
    const auto width = static_cast<int64_t>(support_.row(static_cast<size_t>(rows.back())).size());
    at::Tensor support_RS = at::empty({chunk.count, width}, at::kLong);
    at::Tensor is_padding_RS = at::zeros({chunk.count, width}, at::kBool);
    at::Tensor place_R = at::empty({chunk.count}, at::kLong);
    int64_t* id = support_RS.mutable_data_ptr<int64_t>();
    bool* is_padding = is_padding_RS.mutable_data_ptr<bool>();
    for (size_t r = 0; r < rows.size(); ++r, id += width, is_padding += width) {
      const std::span<const int32_t> legal = support_.row(static_cast<size_t>(rows[r]));
      const int64_t target = target_on_cpu_.const_data_ptr<int64_t>()[rows[r]];
      const auto place = std::lower_bound(legal.begin(), legal.end(), target);
      CR_CHECK(place != legal.end() && *place == target, "the target is legal");
      place_R.mutable_data_ptr<int64_t>()[r] = place - legal.begin();
      std::copy(legal.begin(), legal.end(), id);
      std::fill(id + legal.size(), id + width, legal.back());
      std::fill(is_padding + legal.size(), is_padding + width, true);
    }
    chunk.support_RS = OnDevice(support_RS);
    chunk.is_padding_RS = OnDevice(is_padding_RS);
    chunk.target_R = OnDevice(place_R);
    return chunk;
  }

 private:
  at::Tensor OnDevice(const at::Tensor& tensor) const { return tensor.to(device_); }

  const at::Tensor target_M_;
  const at::Tensor target_on_cpu_;
  const RowSupport& support_;
  const at::Device device_;
};

}  // namespace

c10::intrusive_ptr<LogprobChunks> ChunksOf(const at::Tensor& target_M,
                                           int64_t width,
                                           int64_t vocabulary,
                                           const RowSupport* support,
                                           int64_t chunk_rows) {
  auto result = c10::make_intrusive<LogprobChunks>();
  const int64_t num_rows = target_M.size(0);
  if (chunk_rows <= 0) chunk_rows = ChosenRows(vocabulary);
  if (support == nullptr) {
    for (int64_t first = 0; first < num_rows; first += chunk_rows) {
      LogprobChunk& chunk = result->chunks.emplace_back();
      chunk.first = first;
      chunk.count = std::min(chunk_rows, num_rows - first);
      chunk.target_R = target_M.narrow(0, first, chunk.count);
    }
    return result;
  }
  CR_CHECK(support->num_rows() == static_cast<size_t>(num_rows), "one support per row");
  const auto size_of = [support](int64_t m) { return support->row(static_cast<size_t>(m)).size(); };
  std::vector<int64_t> whole, wide, narrow;
  for (int64_t m = 0; m < num_rows; ++m) {
    const auto size = static_cast<int64_t>(size_of(m));
    if (size == 1) continue;
    (size == 0 ? whole : size * kGatherCost > vocabulary ? wide : narrow).push_back(m);
  }
  result->covers_all_rows =
      whole.size() + wide.size() + narrow.size() == static_cast<size_t>(num_rows);
  const SupportChunker chunker(target_M, *support);
  for (std::vector<int64_t>* rows : {&whole, &wide, &narrow}) {
    std::stable_sort(
        rows->begin(), rows->end(), [&](int64_t a, int64_t b) { return size_of(a) < size_of(b); });
    const bool gathers_head = rows == &narrow;
    for (size_t begin = 0; begin < rows->size();) {
      const auto fits = [&](size_t end) {  // Whether rows [begin, end) fit into one chunk.
        const auto count = static_cast<int64_t>(end - begin);
        if (count > chunk_rows && !gathers_head) return false;
        return !gathers_head ||
               count * static_cast<int64_t>(size_of((*rows)[end - 1])) * width <= kGatheredValues;
      };
      size_t end = begin + 1;
      while (end < rows->size() && fits(end + 1)) ++end;
      result->chunks.push_back(
          chunker.Make({rows->data() + begin, end - begin}, rows == &whole, gathers_head));
      begin = end;
    }
  }
  return result;
}

}  // namespace convrec::model
