#include "services/rollout/patient_call.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "libs/base/errors.h"

namespace convrec::rollout {
namespace {

absl::Status Answered(grpc::StatusCode code) {
  const PatientPeer peer("learner at host:1", absl::Seconds(1));
  return peer.Call(absl::ZeroDuration(),
                   [code](grpc::ClientContext*) { return grpc::Status(code, "a sentence"); });
}

TEST(PatientPeerTest, WhatNoRepetitionMendsIsAWrongConfiguration) {
  for (const grpc::StatusCode code : {grpc::StatusCode::INVALID_ARGUMENT,
                                      grpc::StatusCode::ALREADY_EXISTS,
                                      grpc::StatusCode::UNIMPLEMENTED,
                                      grpc::StatusCode::PERMISSION_DENIED,
                                      grpc::StatusCode::UNAUTHENTICATED}) {
    const absl::Status status = Answered(code);
    EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadConfig);
    EXPECT_EQ(status.message(), "learner at host:1: a sentence");
  }
}

TEST(PatientPeerTest, WhatTheCallerActsUponKeepsItsCode) {
  EXPECT_EQ(Answered(grpc::StatusCode::FAILED_PRECONDITION),
            absl::FailedPreconditionError("learner at host:1: a sentence"));
  EXPECT_EQ(Answered(grpc::StatusCode::NOT_FOUND),
            absl::NotFoundError("learner at host:1: a sentence"));
}

TEST(PatientPeerTest, AClosedPeerIsCancelledAndNotRepeated) {
  PatientPeer peer("learner at host:1", absl::Seconds(1));
  peer.Close();
  int attempts = 0;
  const absl::Status status = peer.Call(absl::ZeroDuration(), [&](grpc::ClientContext*) {
    ++attempts;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "nobody there");
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(attempts, 1);
}

}  // namespace
}  // namespace convrec::rollout
