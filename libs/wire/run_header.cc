#include "libs/wire/run_header.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/wire/fields.h"

namespace convrec::wire {
namespace {

constexpr size_t kRunIdBytes = 16;

void AppendBytes(uint64_t word, std::string* bytes) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes->push_back(static_cast<char>(word >> shift));
}

uint64_t WordOf(const std::string& bytes, size_t begin) {
  uint64_t word = 0;
  for (size_t i = begin; i < begin + 8; ++i) word = word << 8 | static_cast<uint8_t>(bytes[i]);
  return word;
}

bool IsOf(const v1::RunHeader& header, domain::RunEpoch epoch) {
  return header.start() == epoch.value && header.run_id().size() == kRunIdBytes &&
         WordOf(header.run_id(), 0) == epoch.run.high &&
         WordOf(header.run_id(), 8) == epoch.run.low;
}

std::string Describe(const v1::RunHeader& header) {
  const auto identity = FromProto(header);
  return identity.ok() ? identity->epoch.ToString() : "no run";
}

}  // namespace

domain::RunDigests DigestsOf(const v1::RunHeader& header) {
  return {.model = header.model_digest(),
          .tokenizer = header.tokenizer_digest(),
          .catalog = header.catalog_digest(),
          .rules = header.rules_digest()};
}

v1::RunHeader ToProto(const domain::RunIdentity& identity) {
  v1::RunHeader header;
  AppendBytes(identity.epoch.run.high, header.mutable_run_id());
  AppendBytes(identity.epoch.run.low, header.mutable_run_id());
  header.set_start(identity.epoch.value);
  header.set_model_digest(identity.digests.model);
  header.set_tokenizer_digest(identity.digests.tokenizer);
  header.set_catalog_digest(identity.digests.catalog);
  header.set_rules_digest(identity.digests.rules);
  return header;
}

absl::StatusOr<domain::RunIdentity> FromProto(const v1::RunHeader& header) {
  if (header.run_id().size() != kRunIdBytes) {
    return FieldError("run_id",
                      absl::StrCat(header.run_id().size(), " bytes long"),
                      absl::StrCat(kRunIdBytes, " bytes"));
  }
  if (header.start() <= 0) return FieldError("start", header.start(), "an integer above 0");
  return domain::RunIdentity{
      .epoch = {.value = header.start(),
                .run = {.high = WordOf(header.run_id(), 0), .low = WordOf(header.run_id(), 8)}},
      .digests = DigestsOf(header)};
}

absl::Status CheckDigests(const std::string& worker,
                          const domain::RunDigests& sent,
                          const domain::RunDigests& learner) {
  const auto check = [&](const char* what, const std::string& its, const std::string& ours) {
    if (ours.empty() || its == ours) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("worker ",
                                                   worker,
                                                   " works with ",
                                                   what,
                                                   " ",
                                                   its.empty() ? "that it does not name" : its,
                                                   ", this run uses ",
                                                   ours));
  };
  CR_RETURN_IF_ERROR(check("a model of shape", sent.model, learner.model));
  CR_RETURN_IF_ERROR(check("tokenizer", sent.tokenizer, learner.tokenizer));
  CR_RETURN_IF_ERROR(check("catalog", sent.catalog, learner.catalog));
  return check("reward rules", sent.rules, learner.rules);
}

absl::Status CheckCall(const v1::CallHeader& call, const domain::RunIdentity& learner) {
  if (!IsOf(call.run(), learner.epoch)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the learner is at ", learner.epoch.ToString(), ", the worker at ", Describe(call.run())));
  }
  return CheckDigests(call.worker(), DigestsOf(call.run()), learner.digests);
}

absl::Status CheckAnswer(const v1::RunHeader& header, domain::RunEpoch asked) {
  if (IsOf(header, asked)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the answer is of ", Describe(header), ", the call was for ", asked.ToString()));
}

}  // namespace convrec::wire
