// How rotary embeddings are stretched to contexts longer than in pretraining, by the "rope_type" of
// config.json. rotary.h derives the frequencies.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

namespace convrec::model {

// "linear": positions count 1 / factor.
struct LinearRopeScaling {
  double factor = 1.0;
};

// "dynamic": frequencies that depend on the length of a text once it exceeds
// max_position_embeddings. That is the longest text here, so they never do.
struct DynamicRopeScaling {
  double factor = 1.0;
};

// "llama3": long waves are slowed by factor, short ones kept, those in between blended.
struct Llama3RopeScaling {
  double factor = 8.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_max_position_embeddings = 8192;
};

// "yarn": like llama3 with other bounds, and rotated queries and keys are scaled (arXiv
// 2309.00071).
struct YarnRopeScaling {
  double factor = 1.0;
  int64_t original_max_position_embeddings = 0;
  double beta_fast = 32.0;  // Waves that turn at least this often in the original context are kept.
  double beta_slow = 1.0;   // Those that turn at most this often are slowed by factor.
  bool truncate = true;     // Rounds the bounds between which waves are blended to whole numbers.
  // The scale of rotated queries and keys. If absent, it follows from factor, and from the two
  // below if both are set.
  std::optional<double> attention_factor;
  std::optional<double> mscale;
  std::optional<double> mscale_all_dim;

  double AttentionScale() const;
};

using RopeScaling = std::variant<std::monostate,
                                 LinearRopeScaling,
                                 DynamicRopeScaling,
                                 Llama3RopeScaling,
                                 YarnRopeScaling>;

}  // namespace convrec::model
