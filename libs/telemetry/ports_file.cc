#include "libs/telemetry/ports_file.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/json/json_object.h"

namespace convrec::telemetry {
namespace {

constexpr int kMaxPort = 65535;

std::string PathOf(const std::string& directory, const std::string& name) {
  return base::JoinPath(directory, absl::StrCat(name, ".json"));
}

}  // namespace

absl::Status WritePortsFile(const std::string& directory,
                            const std::string& name,
                            const Ports& ports) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  const nlohmann::ordered_json object = {{"role", ports.role},
                                         {"grpc", ports.grpc},
                                         {"metrics", ports.metrics},
                                         {"health", ports.health},
                                         {"pid", ports.pid}};
  return base::WriteFileAtomically(PathOf(directory, name), absl::StrCat(object.dump(), "\n"));
}

absl::StatusOr<Ports> ReadPortsFile(const std::string& directory, const std::string& name) {
  const std::string path = PathOf(directory, name);
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  CR_ASSIGN_OR_RETURN(const nlohmann::json document, json::ParseObject(text, path));
  const json::JsonObject object(&document, path);
  Ports ports;
  CR_ASSIGN_OR_RETURN(ports.role, object.String("role"));
  const struct {
    const char* field;
    int64_t most;
    int* value;
  } numbers[] = {{"grpc", kMaxPort, &ports.grpc},
                 {"metrics", kMaxPort, &ports.metrics},
                 {"health", kMaxPort, &ports.health},
                 {"pid", std::numeric_limits<int>::max(), &ports.pid}};
  for (const auto& number : numbers) {
    CR_ASSIGN_OR_RETURN(const int64_t value, object.Integer(number.field, 0, number.most));
    *number.value = static_cast<int>(value);
  }
  return ports;
}

}  // namespace convrec::telemetry
