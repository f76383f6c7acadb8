#include "libs/telemetry/ports_file.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"

namespace convrec::telemetry {
namespace {

constexpr int kMaxPort = 65535;

std::string PathOf(const std::string& directory, const std::string& name) {
  return base::JoinPath(directory, absl::StrCat(name, ".json"));
}

absl::Status ReadNumber(const nlohmann::json& object,
                        const std::string& path,
                        const char* field,
                        int64_t max,
                        int* value) {
  const auto found = object.find(field);
  if (found == object.end() || !found->is_number_integer() || found->get<int64_t>() < 0 ||
      found->get<int64_t>() > max) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": \"", field, "\" must be an integer from 0 to ", max));
  }
  *value = found->get<int>();
  return absl::OkStatus();
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
  const nlohmann::json object = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object())
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a JSON object"));
  Ports ports;
  const auto role = object.find("role");
  if (role == object.end() || !role->is_string()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": \"role\" must be a text"));
  }
  ports.role = role->get<std::string>();
  CR_RETURN_IF_ERROR(ReadNumber(object, path, "grpc", kMaxPort, &ports.grpc));
  CR_RETURN_IF_ERROR(ReadNumber(object, path, "metrics", kMaxPort, &ports.metrics));
  CR_RETURN_IF_ERROR(ReadNumber(object, path, "health", kMaxPort, &ports.health));
  CR_RETURN_IF_ERROR(ReadNumber(object, path, "pid", std::numeric_limits<int>::max(), &ports.pid));
  return ports;
}

}  // namespace convrec::telemetry
