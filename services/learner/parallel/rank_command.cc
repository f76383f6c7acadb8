#include "services/learner/parallel/rank_command.h"

#include <cstring>
#include <type_traits>

#include "libs/base/check.h"

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
    const auto& [id, prompt, samples, lag, make_constraint] = group;
    static_cast<void>(make_constraint);
    Put(id);
    Put(prompt);
    Put(samples);
    Put(lag);
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
    auto& [id, prompt, samples, lag, make_constraint] = *group;
    static_cast<void>(make_constraint);
    Get(&id);
    Get(&prompt);
    Get(&samples);
    Get(&lag);
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

std::vector<std::vector<int64_t>> ToIntegers(const std::vector<std::vector<size_t>>& shares) {
  std::vector<std::vector<int64_t>> result;
  for (const auto& share : shares) result.emplace_back(share.begin(), share.end());
  return result;
}

// By rank the items of its share, each list as a text of its own, so that a rank skips the others'.
template <typename Item>
void PutShares(const std::vector<Item>& items, const StepPlan& plan, Writer* writer) {
  for (const std::vector<int64_t>& share : ToIntegers(plan.shares)) {
    Writer list;
    list.Put(static_cast<int64_t>(share.size()));
    for (const int64_t index : share) list.Put(items[static_cast<size_t>(index)]);
    writer->Put(list.Finish());
  }
}

template <typename Item>
std::vector<Item> GetShare(int rank, Reader* reader) {
  std::string text;
  for (int r = 0; r <= rank; ++r) reader->Get(&text);
  std::vector<Item> items;
  Reader(text).Get(&items);
  return items;
}

}  // namespace

std::string Encode(const RankCommand& command) {
  Writer writer;
  writer.Put(command.kind);
  writer.Put(command.step);
  writer.Put(command.body);
  return writer.Finish();
}

RankCommand DecodeCommand(const std::string& bytes) {
  RankCommand command;
  Reader reader(bytes);
  reader.Get(&command.kind);
  reader.Get(&command.step);
  reader.Get(&command.body);
  CR_CHECK(reader.at_end());
  return command;
}

std::string EncodePolicyStep(const TrainingBatch& batch, const StepPlan& plan, bool has_reference) {
  Writer writer;
  writer.Put(batch.counts);
  writer.Put(plan.num_rounds);
  writer.Put(plan.num_microbatches);
  writer.Put(has_reference);
  PutShares(batch.groups, plan, &writer);
  return writer.Finish();
}

PolicyShare DecodePolicyStep(const std::string& body, int rank) {
  PolicyShare share;
  Reader reader(body);
  reader.Get(&share.batch.counts);
  reader.Get(&share.num_rounds);
  reader.Get(&share.num_microbatches);
  reader.Get(&share.has_reference);
  share.batch.groups = GetShare<SampleGroup>(rank, &reader);
  return share;
}

TrainingBatch ShareOf(const TrainingBatch& batch, const std::vector<size_t>& groups) {
  TrainingBatch share;
  share.objective = batch.objective;
  share.counts = batch.counts;
  share.stats = batch.stats;
  for (const size_t group : groups) share.groups.push_back(batch.groups[group]);
  return share;
}

std::string EncodeSftStep(const std::vector<SftRow>& rows,
                          int64_t num_tokens,
                          const StepPlan& plan) {
  Writer writer;
  writer.Put(plan.num_rounds);
  writer.Put(num_tokens);
  PutShares(rows, plan, &writer);
  return writer.Finish();
}

SftShare DecodeSftStep(const std::string& body, int rank) {
  SftShare share;
  Reader reader(body);
  reader.Get(&share.num_rounds);
  reader.Get(&share.num_tokens);
  share.rows = GetShare<SftRow>(rank, &reader);
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
