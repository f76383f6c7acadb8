#include "libs/base/listen_address.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace convrec::base {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

int PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

TEST(ListenAddressTest, ReadsNamesAndAddresses) {
  using Address = ListenAddress;
  EXPECT_EQ(Address::Parse("my-host.example:80"), (Address{"my-host.example", 80}));
  EXPECT_EQ(Address::Parse("127.0.0.1:0"), (Address{"127.0.0.1", 0}));
  EXPECT_EQ(Address::Parse("0.0.0.0:65535"), (Address{"0.0.0.0", 65535}));
  EXPECT_EQ(Address::Parse("[::1]:80"), (Address{"::1", 80}));
}

TEST(ListenAddressTest, RefusesWhatIsNoHostAndPort) {
  for (const char* text : {"",
                           "localhost",
                           ":80",
                           "[]:80",
                           "[:80",
                           "localhost:",
                           "localhost:65536",
                           "localhost:-1",
                           "localhost:+5",
                           "localhost: 5",
                           "localhost:99999999999",
                           "a b:80",
                           "::1:80",
                           "http://x:80"}) {
    EXPECT_EQ(ListenAddress::Parse(text), std::nullopt) << text;
  }
}

TEST(ListenOnTest, PortZeroTakesAFreeOne) {
  const auto fd = ListenOn("127.0.0.1:0", "cannot listen");
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_GT(PortOf(*fd), 0);
  close(*fd);
}

TEST(ListenOnTest, PortInUseIsTold) {
  const auto fd = ListenOn("127.0.0.1:0", "cannot listen");
  ASSERT_TRUE(fd.ok()) << fd.status();
  const auto second = ListenOn(absl::StrCat("127.0.0.1:", PortOf(*fd)), "cannot listen here");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists) << second.status();
  EXPECT_THAT(Message(second.status()), StartsWith("cannot listen here: "));
  close(*fd);
}

TEST(ListenOnTest, UnreadableAddressSaysWhatIsExpected) {
  const auto fd = ListenOn("nonsense", "cannot listen");
  EXPECT_TRUE(absl::IsInvalidArgument(fd.status())) << fd.status();
  EXPECT_THAT(Message(fd.status()), HasSubstr("expected host:port"));
}

}  // namespace
}  // namespace convrec::base
