#include "libs/telemetry/http_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace convrec::telemetry {
namespace {

constexpr char kHeadEnd[] = "\r\n\r\n";
constexpr char kPlain[] = "text/plain; charset=utf-8";
constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";

std::string MakeAnswer(const char* status, const char* content_type, const std::string& body) {
  return absl::StrCat("HTTP/1.1 ",
                      status,
                      "\r\nContent-Type: ",
                      content_type,
                      "\r\nContent-Length: ",
                      body.size(),
                      "\r\nConnection: close",
                      kHeadEnd,
                      body);
}

}  // namespace

bool HasWholeHead(const std::string& received) {
  return received.find(kHeadEnd) != std::string::npos;
}

std::string AnswerRequest(const std::string& head, const std::function<std::string()>& metrics) {
  const std::vector<std::string> words = absl::StrSplit(head.substr(0, head.find("\r\n")), ' ');
  if (words.size() != 3 || !words[2].starts_with("HTTP/1.")) {
    return MakeAnswer("400 Bad Request", kPlain, "Not an HTTP/1 request.\n");
  }
  if (words[1].substr(0, words[1].find('?')) != "/metrics") {
    return MakeAnswer("404 Not Found", kPlain, "There is nothing but /metrics here.\n");
  }
  if (words[0] == "GET") return MakeAnswer("200 OK", kExposition, metrics());
  if (words[0] == "HEAD") {
    const std::string answer = MakeAnswer("200 OK", kExposition, metrics());
    return answer.substr(0, answer.find(kHeadEnd) + 4);
  }
  return MakeAnswer("405 Method Not Allowed", kPlain, "Only GET and HEAD are answered.\n");
}

}  // namespace convrec::telemetry
