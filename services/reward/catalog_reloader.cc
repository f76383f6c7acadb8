#include "services/reward/catalog_reloader.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"

namespace convrec::reward {
namespace {

// How long a wait for SIGHUP may last; the destructor ends it sooner.
constexpr absl::Duration kLongWait = absl::Hours(1);

sigset_t HangupOnly() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void BlockHangupSignal() {
  const sigset_t signals = HangupOnly();
  CR_CHECK(::pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
}

absl::Status ReloadCatalog(const std::function<absl::StatusOr<catalog::Catalog>()>& load,
                           LiveScorer* scorer) {
  CR_ASSIGN_OR_RETURN(const catalog::Catalog catalog, load());
  CR_ASSIGN_OR_RETURN(auto next, scoring::ListScorer::Create(catalog, scorer->Get()->options()));
  scorer->Set(std::move(next));
  return absl::OkStatus();
}

CatalogReloader::CatalogReloader(const Options& options, std::function<void()> reload)
    : options_(options), reload_(std::move(reload)), thread_([this] { Watch(); }) {}

CatalogReloader::~CatalogReloader() {
  is_closed_ = true;
  ::pthread_kill(thread_.native_handle(), SIGHUP);
  thread_.join();
}

void CatalogReloader::Watch() {
  BlockHangupSignal();
  const sigset_t signals = HangupOnly();
  const bool polls = options_.poll > absl::ZeroDuration();
  FileWatch file(options_.path);
  const timespec wait = absl::ToTimespec(polls ? options_.poll : kLongWait);
  while (!is_closed_) {
    const bool is_asked = ::sigtimedwait(&signals, nullptr, &wait) == SIGHUP;
    if (is_closed_) return;
    if (is_asked || (polls && file.Look())) reload_();
  }
}

FileWatch::FileWatch(std::string path)
    : path_(std::move(path)), known_(Identify()), last_look_(known_) {}

bool FileWatch::Look() {
  const Identity now = Identify();
  const bool is_at_rest = now == std::exchange(last_look_, now);
  if (now == known_ || now.size_bytes < 0 || !is_at_rest) return false;
  known_ = now;
  return true;
}

FileWatch::Identity FileWatch::Identify() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size_bytes = status.st_size,
          .changed_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace convrec::reward
