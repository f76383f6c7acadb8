#include "libs/wire/common.h"

#include <cmath>

#include "libs/wire/fields.h"

namespace convrec::wire {

v1::Item ToProto(const domain::Item& item) {
  v1::Item message;
  message.set_title(item.title);
  message.set_year(item.year);
  return message;
}

v1::GroupId ToProto(const domain::GroupId& group) {
  v1::GroupId message;
  message.set_pass(group.pass);
  message.set_prompt(group.prompt);
  return message;
}

v1::SamplingParams ToProto(const domain::SamplingParams& sampling) {
  v1::SamplingParams message;
  message.set_temperature(sampling.temperature);
  message.set_top_k(sampling.top_k);
  message.set_top_p(sampling.top_p);
  message.set_max_new_tokens(sampling.max_new_tokens);
  message.set_seed(sampling.seed);
  message.set_constrained(sampling.constrained);
  return message;
}

absl::StatusOr<domain::Item> FromProto(const v1::Item& item) {
  if (item.year() < 0) return FieldError("year", item.year(), "a year >= 0");
  return domain::Item{item.title(), item.year()};
}

absl::StatusOr<domain::GroupId> FromProto(const v1::GroupId& group) {
  if (group.pass() < 0) return FieldError("pass", group.pass(), "an integer >= 0");
  if (group.prompt() < 0) return FieldError("prompt", group.prompt(), "an integer >= 0");
  return domain::GroupId{group.pass(), group.prompt()};
}

absl::StatusOr<domain::SamplingParams> FromProto(const v1::SamplingParams& sampling) {
  const float temperature = sampling.temperature();
  if (!(temperature >= 0 && std::isfinite(temperature)))
    return FieldError("temperature", temperature, "a number >= 0");
  if (sampling.top_k() < 0) return FieldError("top_k", sampling.top_k(), "an integer >= 0");
  const float top_p = sampling.top_p();
  if (!(top_p > 0 && top_p <= 1)) return FieldError("top_p", top_p, "a number in (0, 1]");
  if (sampling.max_new_tokens() <= 0)
    return FieldError("max_new_tokens", sampling.max_new_tokens(), "an integer above 0");
  return domain::SamplingParams{.temperature = temperature,
                                .top_k = sampling.top_k(),
                                .top_p = top_p,
                                .max_new_tokens = sampling.max_new_tokens(),
                                .constrained = sampling.constrained(),
                                .seed = sampling.seed()};
}

}  // namespace convrec::wire
