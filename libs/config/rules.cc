#include "libs/config/rules.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/listen_address.h"

namespace convrec::config {
namespace {

using base::ListenAddress;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string Shown(double value) { return absl::StrFormat("%.15g", value); }

bool IsPeerAddress(const std::string& text) {
  const auto address = ListenAddress::Parse(text.starts_with("dns:///") ? text.substr(7) : text);
  return address && address->port > 0;
}

bool IsMetricLabel(const std::string& name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

bool IsDevice(const std::string& device) {
  if (device == "cpu" || device == "cuda") return true;
  int index = 0;
  return device.starts_with("cuda:") && device.size() <= 8 &&
         absl::SimpleAtoi(device.substr(5), &index) && index >= 0;
}

}  // namespace

Limits Integer(int low, int high) {
  const std::string range =
      high == kMaxCount ? absl::StrCat(">= ", low) : absl::StrCat("from ", low, " to ", high);
  return {double(low), double(high), true, true, absl::StrCat("an integer ", range)};
}

Limits Number(double low, double high) {
  return {low, high, true, true, absl::StrCat("a number from ", Shown(low), " to ", Shown(high))};
}

Limits NumberAbove(double low) {
  return {low, kInfinity, false, true, absl::StrCat("a number above ", Shown(low))};
}

Limits NumberAbove(double low, double high) {
  return {low, high, false, true, absl::StrCat(NumberAbove(low).words, ", at most ", Shown(high))};
}

Limits NumberNotNegative() { return {0, kInfinity, true, true, "a number >= 0"}; }

Limits NumberBetween(double low, double high) {
  const std::string words = absl::StrCat("a number between ", Shown(low), " and ", Shown(high));
  return {low, high, false, false, absl::StrCat(words, ", both excluded")};
}

Limits NumberBelow(double high) {
  return {0, high, true, false, absl::StrCat("a number in [0, ", Shown(high), ")")};
}

Limits Wait() { return {0, 7 * 86400, false, true, "seconds above 0, at most a week"}; }

const TextRule kListenAddress = {
    [](const std::string& text) { return ListenAddress::Parse(text).has_value(); },
    "host:port with a port from 0 (any free one) to 65535"};
const TextRule kPeerAddress = {&IsPeerAddress, "host:port with a port from 1 to 65535"};
const TextRule kMetricLabel = {
    &IsMetricLabel, "1 to 63 letters, digits, \"-\", \"_\" and \".\", since it labels metrics"};
const TextRule kDevice = {&IsDevice, "cpu, cuda or cuda:N"};

bool SharePort(const std::string& a, const std::string& b) {
  const std::optional<ListenAddress> left = ListenAddress::Parse(a);
  return left && left->port != 0 && left == ListenAddress::Parse(b);
}

}  // namespace convrec::config
