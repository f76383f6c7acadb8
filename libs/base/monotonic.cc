#include "libs/base/monotonic.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "absl/time/clock.h"

namespace convrec::base {
namespace {

using Steady = std::chrono::steady_clock;

// Abseil can wait for a condition, or until a time on the machine's clock. So waits here are for a
// condition only, of which "the time is over" is a part. A thread of this class sleeps by the
// steady clock, then takes the waiter's lock and sets that part.
class AlarmClock final {
 public:
  struct Alarm {
    absl::Mutex* mu;
    bool has_rung = false;  // Guarded by *mu.
    bool HasRung() const { return has_rung; }
    std::multimap<Steady::time_point, Alarm*>::iterator place = {};  // Guarded by the clock's lock.
    bool is_set = false;                                             // The same.
  };

  static AlarmClock& Get() {
    static AlarmClock* clock = new AlarmClock();  // Never destroyed: its thread uses it.
    return *clock;
  }

  void Set(Alarm* alarm, Steady::time_point time) {
    const std::lock_guard lock(mu_);
    if (!has_thread_) {
      std::thread([this] { Run(); }).detach();
      has_thread_ = true;
    }
    alarm->place = alarms_.emplace(time, alarm);
    alarm->is_set = true;
    if (alarm->place == alarms_.begin()) changed_.notify_one();
  }

  // False when it is ringing or has rung.
  bool Unset(Alarm* alarm) {
    const std::lock_guard lock(mu_);
    if (!alarm->is_set) return false;
    alarms_.erase(alarm->place);
    alarm->is_set = false;
    return true;
  }

 private:
  void Run() {
    std::unique_lock lock(mu_);
    while (true) {
      if (alarms_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const auto first = alarms_.begin();
      if (Steady::now() < first->first) {
        const Steady::time_point until = first->first;
        changed_.wait_until(lock, until);
        continue;
      }
      Alarm* const alarm = first->second;
      alarms_.erase(first);
      alarm->is_set = false;
      lock.unlock();
      // The waiter keeps the alarm until it has rung.
      alarm->mu->Lock();
      alarm->has_rung = true;
      alarm->mu->Unlock();
      lock.lock();
    }
  }

  std::mutex mu_;
  std::condition_variable changed_;
  std::multimap<Steady::time_point, Alarm*> alarms_;
  bool has_thread_ = false;
};

struct Either {
  const absl::Condition* cond;
  const AlarmClock::Alarm* alarm;
  bool Holds() const { return alarm->has_rung || cond->Eval(); }
};

struct Beginning {
  absl::Time wall = absl::Now();
  Steady::time_point steady = Steady::now();
};

const Beginning& TheBeginning() {
  static const Beginning beginning;
  return beginning;
}

}  // namespace

absl::Time MonotonicNow() {
  const Beginning& beginning = TheBeginning();
  return beginning.wall + absl::FromChrono(Steady::now() - beginning.steady);
}

bool AwaitUntil(absl::Mutex* mu,
                const absl::Condition& cond,
                absl::Time deadline) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (cond.Eval()) return true;
  if (deadline == absl::InfiniteFuture()) {
    mu->Await(cond);
    return true;
  }
  const absl::Duration left = deadline - MonotonicNow();
  if (left <= absl::ZeroDuration()) return false;
  AlarmClock::Alarm alarm{.mu = mu};
  AlarmClock& clock = AlarmClock::Get();
  clock.Set(&alarm, Steady::now() + absl::ToChronoNanoseconds(left));
  const Either either{.cond = &cond, .alarm = &alarm};
  mu->Await(absl::Condition(&either, &Either::Holds));
  if (!clock.Unset(&alarm)) mu->Await(absl::Condition(&alarm, &AlarmClock::Alarm::HasRung));
  return cond.Eval();
}

bool AwaitFor(absl::Mutex* mu,
              const absl::Condition& cond,
              absl::Duration time) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return AwaitUntil(mu, cond, MonotonicNow() + time);
}

}  // namespace convrec::base
