# Debian's libraries. gRPC and Protobuf come through pkg-config: find_package(Torch) redefines
# protobuf::libprotobuf where both are used.
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost 1.74 REQUIRED)  # Beast and Asio, headers only.
find_package(yaml-cpp REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(PkgConfig REQUIRED)
pkg_check_modules(CR_GRPC REQUIRED IMPORTED_TARGET grpc++ protobuf)
# -DNOMINMAX of its flags means nothing here, and would keep TORCH targets from the precompiled header.
get_target_property(CR_GRPC_OPTIONS PkgConfig::CR_GRPC INTERFACE_COMPILE_OPTIONS)
list(FILTER CR_GRPC_OPTIONS EXCLUDE REGEX "NOMINMAX")
set_target_properties(PkgConfig::CR_GRPC PROPERTIES INTERFACE_COMPILE_OPTIONS "${CR_GRPC_OPTIONS}")
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
find_program(CR_PROTOC protoc REQUIRED)
find_program(CR_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
if(CONVREC_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()
