// A decoder's weights as a snapshot for publication.
#pragma once

#include <memory>
#include <string>

#include "libs/domain/ids.h"
#include "libs/model/decoder.h"
#include "services/learner/publish/policy_store.h"

namespace convrec::learner {

// Copies every parameter to host memory in `dtype` ("F32" or "BF16") and digests it.
std::shared_ptr<const PolicySnapshot> TakeSnapshot(const model::Decoder& decoder,
                                                   domain::PolicyVersion version,
                                                   const std::string& dtype);

}  // namespace convrec::learner
