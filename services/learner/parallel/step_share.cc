#include "services/learner/parallel/step_share.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/learner/batch/microbatch.h"
#include "services/learner/parallel/work_split.h"

namespace convrec::learner {
namespace {

class Writer final {
 public:
  template <typename Value>
  void Put(const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(Value));
  }
  template <typename Value>
  void Put(const std::vector<Value>& values) {
    Put(static_cast<int64_t>(values.size()));
    if constexpr (std::is_trivially_copyable_v<Value>) {
      bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value));
    } else {
      for (const Value& value : values) Put(value);
    }
  }
  void Put(const std::string& text) {
    Put(static_cast<int64_t>(text.size()));
    bytes_ += text;
  }
  // A structured binding: it does not compile when a field is added and not sent.
  void Put(const TrainingSample& sample) {
    const auto& [tokens,
                 logprobs,
                 bins,
                 ratio_units,
                 num_ratio_units,
                 correction_units,
                 num_correction_units,
                 advantages,
                 shares,
                 lags] = sample;
    Put(tokens);
    Put(logprobs);
    Put(bins);
    Put(ratio_units);
    Put(num_ratio_units);
    Put(correction_units);
    Put(num_correction_units);
    Put(advantages);
    Put(shares);
    Put(lags);
  }
  void Put(const SampleGroup& group) {
    const auto& [id, prompt, samples, lag, make_constraint, worker, in_float32] = group;
    static_cast<void>(make_constraint);
    Put(id);
    Put(prompt);
    Put(samples);
    Put(lag);
    Put(worker);
    Put(in_float32);
  }
  void Put(const SftRow& row) {
    const auto& [prompt, completion] = row;
    Put(prompt);
    Put(completion);
  }
  std::string Finish() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader final {
 public:
  explicit Reader(const std::string& bytes) : next_(bytes.data()), end_(next_ + bytes.size()) {}

  template <typename Value>
  void Get(Value* value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    Take(value, sizeof(Value));
  }
  template <typename Value>
  void Get(std::vector<Value>* values) {
    values->resize(Count());
    if constexpr (std::is_trivially_copyable_v<Value>) {
      Take(values->data(), values->size() * sizeof(Value));
    } else {
      for (Value& value : *values) Get(&value);
    }
  }
  void Get(std::string* text) {
    text->resize(Count());
    Take(text->data(), text->size());
  }
  void Get(TrainingSample* sample) {
    auto& [tokens,
           logprobs,
           bins,
           ratio_units,
           num_ratio_units,
           correction_units,
           num_correction_units,
           advantages,
           shares,
           lags] = *sample;
    Get(&tokens);
    Get(&logprobs);
    Get(&bins);
    Get(&ratio_units);
    Get(&num_ratio_units);
    Get(&correction_units);
    Get(&num_correction_units);
    Get(&advantages);
    Get(&shares);
    Get(&lags);
  }
  void Get(SampleGroup* group) {
    auto& [id, prompt, samples, lag, make_constraint, worker, in_float32] = *group;
    static_cast<void>(make_constraint);
    Get(&id);
    Get(&prompt);
    Get(&samples);
    Get(&lag);
    Get(&worker);
    Get(&in_float32);
  }
  void Get(SftRow* row) {
    auto& [prompt, completion] = *row;
    Get(&prompt);
    Get(&completion);
  }
  bool at_end() const { return next_ == end_; }

 private:
  size_t Count() {
    int64_t count = 0;
    Get(&count);
    CR_CHECK(count >= 0 && count <= end_ - next_);
    return static_cast<size_t>(count);
  }
  void Take(void* out, size_t size) {
    CR_CHECK(size <= static_cast<size_t>(end_ - next_));
    if (size > 0) std::memcpy(out, next_, size);
    next_ += size;
  }

  const char* next_;
  const char* const end_;
};

// By rank from 1 on what `put` writes of a share, as a text of its own, so that a rank skips the
// others'.
template <typename Share, typename Put>
std::string Encode(const std::vector<Share>& shares, const Put& put) {
  Writer writer;
  for (size_t rank = 1; rank < shares.size(); ++rank) {
    Writer text;
    put(shares[rank], &text);
    writer.Put(text.Finish());
  }
  return writer.Finish();
}

std::string TextOf(const std::string& bytes, int rank) {
  CR_CHECK(rank >= 1);
  Reader reader(bytes);
  std::string text;
  for (int r = 1; r <= rank; ++r) reader.Get(&text);
  return text;
}

GroupLengths LengthsOf(const SampleGroup& group) {
  GroupLengths lengths{.prompt_tokens = static_cast<int64_t>(group.prompt_tokens.size()),
                       .completion_tokens = {}};
  for (const TrainingSample& sample : group.samples)
    lengths.completion_tokens.push_back(static_cast<int64_t>(sample.token_ids.size()));
  return lengths;
}

GroupLengths LengthsOf(const SftRow& row) {
  return {.prompt_tokens = static_cast<int64_t>(row.prompt_tokens.size()),
          .completion_tokens = {static_cast<int64_t>(row.completion_tokens.size())}};
}

absl::Status Empty(const char* item, size_t index, const char* part) {
  return absl::InvalidArgumentError(
      absl::StrCat(item, " ", index, " has an empty ", part, ", expected at least one token"));
}

struct Plan {
  std::vector<std::vector<size_t>> shares;  // Indices by rank.
  int64_t num_rounds = 0;
  int64_t num_microbatches = 0;
};

template <typename Item>
Plan PlanStep(const std::vector<Item>& items, const Spread& spread) {
  std::vector<GroupLengths> lengths;
  std::vector<int64_t> costs;
  for (const Item& item : items) {
    lengths.push_back(LengthsOf(item));
    costs.push_back(lengths.back().prompt_tokens);
    for (const int64_t tokens : lengths.back().completion_tokens) costs.back() += tokens;
  }
  Plan plan;
  plan.shares = SplitByCost(costs, spread.num_ranks);
  for (const std::vector<size_t>& share : plan.shares) {
    std::vector<GroupLengths> own;
    for (const size_t index : share) own.push_back(lengths[index]);
    const auto count = static_cast<int64_t>(SplitByTokens(own, spread.microbatch_tokens).size());
    plan.num_rounds = std::max(plan.num_rounds, count);
    plan.num_microbatches += count;
  }
  return plan;
}

}  // namespace

absl::StatusOr<std::vector<PolicyShare>> SpreadBatch(TrainingBatch batch, const Spread& spread) {
  if (batch.groups.empty()) return absl::InvalidArgumentError("a training batch has no groups");
  for (size_t i = 0; i < batch.groups.size(); ++i) {
    if (batch.groups[i].prompt_tokens.empty()) return Empty("group", i, "prompt");
  }
  const Plan plan = PlanStep(batch.groups, spread);
  std::vector<PolicyShare> shares;
  for (const std::vector<size_t>& groups : plan.shares) {
    PolicyShare& share = shares.emplace_back();
    share.num_rounds = plan.num_rounds;
    share.num_microbatches = plan.num_microbatches;
    share.batch.objective = batch.objective;
    share.batch.version = batch.version;
    share.batch.counts = batch.counts;
    share.batch.stats = batch.stats;
    for (const size_t group : groups) share.batch.groups.push_back(std::move(batch.groups[group]));
  }
  return shares;
}

absl::StatusOr<std::vector<SftShare>> SpreadRows(std::vector<SftRow> rows, const Spread& spread) {
  if (rows.empty()) return absl::InvalidArgumentError("a supervised batch has no rows");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].prompt_tokens.empty()) return Empty("row", i, "prompt");
    if (rows[i].completion_tokens.empty()) return Empty("row", i, "completion");
  }
  const Plan plan = PlanStep(rows, spread);
  int64_t num_tokens = 0;
  for (const SftRow& row : rows) num_tokens += static_cast<int64_t>(row.completion_tokens.size());
  std::vector<SftShare> shares;
  for (const std::vector<size_t>& indices : plan.shares) {
    SftShare& share = shares.emplace_back();
    share.num_rounds = plan.num_rounds;
    share.num_tokens = num_tokens;
    for (const size_t row : indices) share.rows.push_back(std::move(rows[row]));
  }
  return shares;
}

std::string EncodeShares(const std::vector<PolicyShare>& shares) {
  return Encode(shares, [](const PolicyShare& share, Writer* writer) {
    writer->Put(share.batch.version);
    writer->Put(share.batch.counts);
    writer->Put(share.num_rounds);
    writer->Put(share.num_microbatches);
    writer->Put(share.batch.groups);
  });
}

std::string EncodeShares(const std::vector<SftShare>& shares) {
  return Encode(shares, [](const SftShare& share, Writer* writer) {
    writer->Put(share.num_rounds);
    writer->Put(share.num_tokens);
    writer->Put(share.rows);
  });
}

PolicyShare DecodePolicyShare(const std::string& bytes, int rank) {
  const std::string text = TextOf(bytes, rank);
  PolicyShare share;
  Reader reader(text);
  reader.Get(&share.batch.version);
  reader.Get(&share.batch.counts);
  reader.Get(&share.num_rounds);
  reader.Get(&share.num_microbatches);
  reader.Get(&share.batch.groups);
  CR_CHECK(reader.at_end());
  return share;
}

SftShare DecodeSftShare(const std::string& bytes, int rank) {
  const std::string text = TextOf(bytes, rank);
  SftShare share;
  Reader reader(text);
  reader.Get(&share.num_rounds);
  reader.Get(&share.num_tokens);
  reader.Get(&share.rows);
  CR_CHECK(reader.at_end());
  return share;
}

std::string EncodeRecords(const Records& records) {
  Writer writer;
  writer.Put(records);
  return writer.Finish();
}

Records DecodeRecords(const std::string& bytes) {
  Records records;
  Reader(bytes).Get(&records);
  return records;
}

}  // namespace convrec::learner
