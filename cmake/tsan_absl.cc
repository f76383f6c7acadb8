// Tells ThreadSanitizer about absl::Mutex, absl::CondVar and absl::Notification. Debian's Abseil is
// not instrumented, so ThreadSanitizer sees neither these locks nor what they order, and would
// report every guarded member as a race.
//
// Linked into every executable of a ThreadSanitizer build. The linker's --wrap=SYMBOL sends the
// calls of our code from SYMBOL to __wrap_SYMBOL, defined here, which announces the operation and
// calls
// __real_SYMBOL, the library's own. cmake/sanitizers.cmake reads the symbols out of this file.
//
// What Abseil and gRPC do among themselves stays unseen; tests/support/tsan.supp says what follows.
#include <sanitizer/tsan_interface.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

constexpr unsigned kWriter = __tsan_mutex_not_static;
constexpr unsigned kReader = __tsan_mutex_not_static | __tsan_mutex_read_lock;

// Everything between the two calls is invisible to ThreadSanitizer, conditions included.
void Locking(void* mu, unsigned flags) { __tsan_mutex_pre_lock(mu, flags); }
void Locked(void* mu, unsigned flags) { __tsan_mutex_post_lock(mu, flags, 0); }

// The release is announced before it happens, as another thread may own the lock right after it.
// The thread that unlocks evaluates the conditions of those that wait, still holding the lock but
// after the announcement, so its reads are ignored until it returns.
void Unlocking(void* mu, unsigned flags) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  __tsan_mutex_pre_unlock(mu, flags);
  __tsan_mutex_post_unlock(mu, flags);
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
}
void Unlocked() ABSL_NO_THREAD_SAFETY_ANALYSIS { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }

// A wait that holds the lock at both ends.
class Waiting {
 public:
  explicit Waiting(absl::Mutex* mu) : mu_(mu) { Unlocking(mu_, kWriter); }
  ~Waiting() {
    Unlocked();
    Locking(mu_, kWriter);
    Locked(mu_, kWriter);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  absl::Mutex* mu_;
};

// An acquisition that ends with the lock held, whatever it returns.
class Acquiring {
 public:
  Acquiring(absl::Mutex* mu, unsigned flags) : mu_(mu), flags_(flags) { Locking(mu_, flags_); }
  ~Acquiring() { Locked(mu_, flags_); }
  Acquiring(const Acquiring&) = delete;
  Acquiring& operator=(const Acquiring&) = delete;

 private:
  absl::Mutex* mu_;
  unsigned flags_;
};

}  // namespace

#define CR_WRAP_LOCK(result, symbol, flags, parameters, arguments) \
  result __real_##symbol parameters;                               \
  result __wrap_##symbol parameters {                              \
    const Acquiring acquiring(mu, flags);                          \
    return __real_##symbol arguments;                              \
  }
#define CR_WRAP_TRY_LOCK(symbol, flags)                                                        \
  bool __real_##symbol(absl::Mutex*);                                                          \
  bool __wrap_##symbol(absl::Mutex* mu) {                                                      \
    __tsan_mutex_pre_lock(mu, (flags) | __tsan_mutex_try_lock);                                \
    const bool locked = __real_##symbol(mu);                                                   \
    __tsan_mutex_post_lock(                                                                    \
        mu, (flags) | __tsan_mutex_try_lock | (locked ? 0 : __tsan_mutex_try_lock_failed), 0); \
    return locked;                                                                             \
  }
#define CR_WRAP_UNLOCK(symbol, flags)     \
  void __real_##symbol(absl::Mutex*);     \
  void __wrap_##symbol(absl::Mutex* mu) { \
    Unlocking(mu, flags);                 \
    __real_##symbol(mu);                  \
    Unlocked();                           \
  }
#define CR_WRAP_WAIT(result, symbol, parameters, arguments) \
  result __real_##symbol parameters;                        \
  result __wrap_##symbol parameters {                       \
    const Waiting waiting(mu);                              \
    return __real_##symbol arguments;                       \
  }
#define CR_WRAP_NOTIFIED(symbol, parameters, arguments)                          \
  bool __real_##symbol parameters;                                               \
  bool __wrap_##symbol parameters {                                              \
    const bool notified = __real_##symbol arguments;                             \
    if (notified) __tsan_acquire(const_cast<absl::Notification*>(notification)); \
    return notified;                                                             \
  }

extern "C" {
void __real__ZN4absl7debian35MutexD1Ev(absl::Mutex*);
void __wrap__ZN4absl7debian35MutexD1Ev(absl::Mutex* mu) {
  __real__ZN4absl7debian35MutexD1Ev(mu);
  __tsan_mutex_destroy(mu, kWriter);
}

CR_WRAP_LOCK(void, _ZN4absl7debian35Mutex4LockEv, kWriter, (absl::Mutex * mu), (mu))
CR_WRAP_LOCK(void,
             _ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE,
             kWriter,
             (absl::Mutex * mu, const absl::Condition& condition),
             (mu, condition))
CR_WRAP_LOCK(bool,
             _ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE,
             kWriter,
             (absl::Mutex * mu, const absl::Condition& condition, absl::Duration timeout),
             (mu, condition, timeout))
CR_WRAP_LOCK(bool,
             _ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE,
             kWriter,
             (absl::Mutex * mu, const absl::Condition& condition, absl::Time deadline),
             (mu, condition, deadline))
CR_WRAP_TRY_LOCK(_ZN4absl7debian35Mutex7TryLockEv, kWriter)
CR_WRAP_UNLOCK(_ZN4absl7debian35Mutex6UnlockEv, kWriter)

CR_WRAP_LOCK(void, _ZN4absl7debian35Mutex10ReaderLockEv, kReader, (absl::Mutex * mu), (mu))
CR_WRAP_LOCK(void,
             _ZN4absl7debian35Mutex14ReaderLockWhenERKNS0_9ConditionE,
             kReader,
             (absl::Mutex * mu, const absl::Condition& condition),
             (mu, condition))
CR_WRAP_TRY_LOCK(_ZN4absl7debian35Mutex13ReaderTryLockEv, kReader)
CR_WRAP_UNLOCK(_ZN4absl7debian35Mutex12ReaderUnlockEv, kReader)

CR_WRAP_WAIT(void,
             _ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE,
             (absl::Mutex * mu, const absl::Condition& condition),
             (mu, condition))
CR_WRAP_WAIT(bool,
             _ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE,
             (absl::Mutex * mu, const absl::Condition& condition, absl::Duration timeout),
             (mu, condition, timeout))
CR_WRAP_WAIT(bool,
             _ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE,
             (absl::Mutex * mu, const absl::Condition& condition, absl::Time deadline),
             (mu, condition, deadline))
CR_WRAP_WAIT(void,
             _ZN4absl7debian37CondVar4WaitEPNS0_5MutexE,
             (absl::CondVar * signal, absl::Mutex* mu),
             (signal, mu))
CR_WRAP_WAIT(bool,
             _ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE,
             (absl::CondVar * signal, absl::Mutex* mu, absl::Duration timeout),
             (signal, mu, timeout))
CR_WRAP_WAIT(bool,
             _ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE,
             (absl::CondVar * signal, absl::Mutex* mu, absl::Time deadline),
             (signal, mu, deadline))

void __real__ZN4absl7debian312Notification6NotifyEv(absl::Notification*);
void __wrap__ZN4absl7debian312Notification6NotifyEv(absl::Notification* notification) {
  __tsan_release(notification);
  __real__ZN4absl7debian312Notification6NotifyEv(notification);
}
void __real__ZNK4absl7debian312Notification19WaitForNotificationEv(const absl::Notification*);
void __wrap__ZNK4absl7debian312Notification19WaitForNotificationEv(
    const absl::Notification* notification) {
  __real__ZNK4absl7debian312Notification19WaitForNotificationEv(notification);
  __tsan_acquire(const_cast<absl::Notification*>(notification));
}
CR_WRAP_NOTIFIED(_ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE,
                 (const absl::Notification* notification, absl::Duration timeout),
                 (notification, timeout))
CR_WRAP_NOTIFIED(_ZNK4absl7debian312Notification31WaitForNotificationWithDeadlineENS0_4TimeE,
                 (const absl::Notification* notification, absl::Time deadline),
                 (notification, deadline))
}
