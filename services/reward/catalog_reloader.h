// Replaces the catalog while the service runs: on SIGHUP, and when its file has changed.
//
// The new catalog is loaded next to the old one and takes over only when it is complete and has
// what the rules need; running calls finish with the old one. A file that is still being written is
// not read: it must have looked the same twice.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/catalog/catalog.h"
#include "services/reward/live_scorer.h"

namespace convrec::reward {

// Blocks SIGHUP in this thread and in those it starts later, so that only the reloader receives it.
// Call once, from main, before starting any thread.
void BlockHangupSignal();

// Loads with `load` and switches to the new catalog. On an error the old one stays.
absl::Status ReloadCatalog(const std::function<absl::StatusOr<catalog::Catalog>()>& load,
                           LiveScorer* scorer);

class CatalogReloader final {
 public:
  struct Options {
    std::string path;  // Path of the watched file.
    // Interval between checks of the file; zero = SIGHUP only.
    absl::Duration poll = absl::ZeroDuration();
  };

  // `reload` is called from one thread, once per change or signal.
  CatalogReloader(const Options& options, std::function<void()> reload);
  // Waits for a reload in progress.
  ~CatalogReloader();
  CatalogReloader(const CatalogReloader&) = delete;
  CatalogReloader& operator=(const CatalogReloader&) = delete;

 private:
  void Watch();

  const Options options_;
  const std::function<void()> reload_;
  std::atomic<bool> is_closed_{false};
  std::thread thread_;
};

// Detects that a file has changed and is no longer being written. Not thread-safe.
class FileWatch final {
 public:
  // The current state of the file counts as known.
  explicit FileWatch(std::string path);
  // True once per change: the file exists, differs from the known state, and has not changed since
  // the last check.
  bool Look();

 private:
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size_bytes = -1;  // -1 = no file.
    int64_t changed_ns = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  Identity Identify() const;

  const std::string path_;
  Identity known_;
  Identity last_look_;
};

}  // namespace convrec::reward
