// What only the leader knows, sent to all ranks once per step and after each evaluation.
#pragma once

#include <cstdint>
#include <string>

namespace convrec::learner {

struct Header {
  enum class Kind : int32_t { kSftStep, kPolicyStep, kEvaluation };
  Kind kind = Kind::kSftStep;
  int64_t step = 0;  // Step of the stage.
  // The run was told to stop: the step is not taken, the evaluation is incomplete.
  bool stop = false;
  bool save = false;       // The policy that was just evaluated must be kept.
  std::string share = {};  // See parallel/step_share.h; empty with one rank.
};

// The encoding is used between processes of one binary, so a malformed text is a bug.
std::string Encode(const Header& header);
Header DecodeHeader(const std::string& bytes);

// For example "step 3 of reinforcement learning", for error messages.
std::string PlaceOf(const Header& header);

class HeaderLink {
 public:
  virtual ~HeaderLink() = default;
  virtual int rank() const = 0;
  virtual int num_ranks() const = 0;
  // Returns the leader's header on all ranks. A rank that passes another kind or step than the
  // leader is at another place of the run, which ends the job. Other ranks wait as long as the
  // leader lives.
  virtual Header FromLeader(const Header& header) = 0;
};

// For a job with one rank.
class OneRank final : public HeaderLink {
 public:
  int rank() const override { return 0; }
  int num_ranks() const override { return 1; }
  Header FromLeader(const Header& header) override { return header; }
};

}  // namespace convrec::learner
