#include "libs/statistics/metric.h"

namespace convrec::statistics {

const char* KindName(Kind kind) {
  switch (kind) {
    case Kind::kCounter:
      return "counter";
    case Kind::kGauge:
      return "gauge";
    case Kind::kHistogram:
      return "histogram";
  }
  return "unknown";
}

const char* ProcessName(Process process) {
  switch (process) {
    case Process::kEvery:
      return "every";
    case Process::kLearner:
      return "learner";
    case Process::kRollout:
      return "rollout";
    case Process::kReward:
      return "reward";
    case Process::kServe:
      return "serve";
  }
  return "unknown";
}

const char* AcrossName(Across across) {
  switch (across) {
    case Across::kSum:
      return "sum";
    case Across::kMean:
      return "avg";
    case Across::kMin:
      return "min";
    case Across::kMax:
      return "max";
  }
  return "unknown";
}

const char* UnitName(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return "none";
    case Unit::kShare:
      return "share";
    case Unit::kSeconds:
      return "seconds";
    case Unit::kTimestamp:
      return "timestamp";
    case Unit::kPerSecond:
      return "per_second";
    case Unit::kBytes:
      return "bytes";
    case Unit::kVersions:
      return "versions";
    case Unit::kNats:
      return "nats";
  }
  return "unknown";
}

}  // namespace convrec::statistics
