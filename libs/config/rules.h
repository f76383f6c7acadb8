// Rules shared by rows of the table.
#pragma once

#include <string>

namespace convrec::config {

// A range of numbers, or of durations in seconds.
struct Limits {
  double low = 0;
  double high = 0;
  bool with_low = true;
  bool with_high = true;
  std::string words;  // "an integer from 1 to 100"; follows "expected" in messages.

  bool Hold(double value) const {
    return (with_low ? value >= low : value > low) && (with_high ? value <= high : value < high);
  }
};

constexpr int kMaxCount = 1'000'000'000;
constexpr int kMaxTokens = 1 << 20;
constexpr int kMaxThreads = 1024;

Limits Integer(int low, int high = kMaxCount);
Limits Number(double low, double high);  // Both included.
Limits NumberAbove(double low);
Limits NumberAbove(double low, double high);  // `high` included.
Limits NumberNotNegative();
Limits NumberBetween(double low, double high);  // Both excluded.
Limits NumberBelow(double high);                // 0 included, `high` excluded.
Limits Wait();                                  // Above 0, at most a week.

// A rule for a text.
struct TextRule {
  bool (*holds)(const std::string&);
  const char* words;
};
extern const TextRule kListenAddress;  // host:port, port 0 = any free one.
extern const TextRule kPeerAddress;    // host:port, also after dns:///.
extern const TextRule kMetricLabel;
extern const TextRule kDevice;

// Whether two listeners want the same port. Port 0 (any free one) never conflicts.
bool SharePort(const std::string& a, const std::string& b);

}  // namespace convrec::config
