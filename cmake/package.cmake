# What cpack makes of an installation (install.cmake); tools/dev package runs it.
#   TGZ  convrec-VERSION-linux-ARCH.tar.gz: programs and libraries, unpacked anywhere
#   DEB  convrec_..., the programs, and convrec-dev_..., the development files, for Debian 12
# Neither holds LibTorch; docs/install.md says where programs find it.
set(CPACK_PACKAGE_NAME convrec)
set(CPACK_PACKAGE_VENDOR "The convrec maintainers")
set(CPACK_PACKAGE_CONTACT "The convrec maintainers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Trains large language models to recommend")
set(CPACK_PACKAGE_DESCRIPTION_FILE "${CMAKE_SOURCE_DIR}/cmake/package_description.txt")
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGE_FILE_NAME "convrec-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/packages")
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PROJECT_CONFIG_FILE "${CMAKE_SOURCE_DIR}/cmake/package_kinds.cmake")

set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME convrec)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${CR_TORCH_ROOT}/lib")
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_RECOMMENDS python3)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME convrec-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
  "Static libraries, headers and the CMake package of convrec (find_package(convrec)).")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "libabsl-dev, nlohmann-json3-dev, libicu-dev, libpcre2-dev, pkg-config, cmake (>= 3.25)")
include(CPack)
