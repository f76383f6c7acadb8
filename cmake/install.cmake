# What `cmake --install` puts into a prefix, by component:
#   programs     bin/convrec*, share/convrec (configurations), share/doc/convrec
#   development  static libraries, headers and the CMake package: find_package(convrec) gives the
#                targets convrec::engine, convrec::catalog, convrec::scoring and what they need
#   libraries    lib/convrec: the shared objects that the programs load, without LibTorch; left out
#                unless named (cmake --install build --component libraries)
# Read after all targets are declared.
include(CMakePackageConfigHelpers)

set(CR_EXPORT_ROOTS convrec_catalog convrec_lists convrec_constraint convrec_scoring)
if(CONVREC_TORCH)
  list(APPEND CR_EXPORT_ROOTS convrec_engine convrec_text_model)
endif()
# What convrec-config.cmake finds for those who link the libraries.
set(CR_FOUND_BY_CONFIG "^(absl::.*|ICU::.*|nlohmann_json::.*|PkgConfig::PCRE2|Threads::Threads|gomp|convrec::torch)$")

# All convrec_ libraries that the roots link, themselves included.
function(cr_link_closure variable)
  set(open ${ARGN})
  set(closure "")
  while(open)
    list(POP_FRONT open target)
    if(target IN_LIST closure)
      continue()
    endif()
    list(APPEND closure ${target})
    get_target_property(links ${target} INTERFACE_LINK_LIBRARIES)
    foreach(link ${links})
      if(link MATCHES "^convrec_" AND TARGET ${link})
        list(APPEND open ${link})
      elseif(link AND NOT link MATCHES "${CR_FOUND_BY_CONFIG}|BUILD_INTERFACE")
        message(FATAL_ERROR "${target} is exported and links ${link}, which cmake/convrec-config.cmake.in "
          "does not find.")
      endif()
    endforeach()
  endwhile()
  set(${variable} "${closure}" PARENT_SCOPE)
endfunction()

# Headers of a library's folder, but for those whose x.cc is of another library.
function(cr_headers_of target variable)
  get_target_property(folder ${target} SOURCE_DIR)
  get_target_property(sources ${target} SOURCES)
  file(GLOB headers CONFIGURE_DEPENDS "${folder}/*.h")
  foreach(header ${headers})
    string(REGEX REPLACE "\\.h$" ".cc" source "${header}")
    get_filename_component(name "${source}" NAME)
    if(EXISTS "${source}" AND NOT name IN_LIST sources)
      list(REMOVE_ITEM headers "${header}")
    endif()
  endforeach()
  set(${variable} "${headers}" PARENT_SCOPE)
endfunction()

cr_link_closure(CR_EXPORTED ${CR_EXPORT_ROOTS})
set(CR_PUBLIC_HEADERS "")
set(CR_PUBLIC_FOLDERS "")
foreach(target ${CR_EXPORTED})
  string(REGEX REPLACE "^convrec_" "" name ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:include/convrec>)
  target_compile_features(${target} INTERFACE $<INSTALL_INTERFACE:cxx_std_20>)
  cr_headers_of(${target} headers)
  list(APPEND CR_PUBLIC_HEADERS ${headers})
  get_target_property(folder ${target} SOURCE_DIR)
  file(RELATIVE_PATH folder "${CMAKE_SOURCE_DIR}" "${folder}")
  list(APPEND CR_PUBLIC_FOLDERS ${folder})
endforeach()
list(REMOVE_DUPLICATES CR_PUBLIC_FOLDERS)

set(package lib/cmake/convrec)
install(TARGETS ${CR_EXPORTED} EXPORT convrec ARCHIVE DESTINATION lib COMPONENT development)
install(EXPORT convrec NAMESPACE convrec:: FILE convrec-targets.cmake
  DESTINATION ${package} COMPONENT development)
configure_package_config_file(cmake/convrec-config.cmake.in
  "${CMAKE_BINARY_DIR}/convrec-config.cmake" INSTALL_DESTINATION ${package})
write_basic_package_version_file("${CMAKE_BINARY_DIR}/convrec-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/convrec-config.cmake" cmake/libtorch.cmake
  "${CMAKE_BINARY_DIR}/convrec-config-version.cmake" DESTINATION ${package} COMPONENT development)
# The headers, with all that they include, are collected when they are installed.
install(CODE "
  set(CR_SOURCE_DIR [[${CMAKE_SOURCE_DIR}]])
  set(CR_PUBLIC_HEADERS [[${CR_PUBLIC_HEADERS}]])
  set(CR_PUBLIC_FOLDERS [[${CR_PUBLIC_FOLDERS}]])" COMPONENT development)
install(SCRIPT cmake/install_headers.cmake COMPONENT development)
install(DIRECTORY examples DESTINATION share/doc/convrec-dev COMPONENT development)

install(FILES configs/sample.yaml configs/smollm2_redial.yaml
  DESTINATION share/convrec/configs COMPONENT programs)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION share/doc/convrec COMPONENT programs)
install(FILES LICENSE RENAME copyright DESTINATION share/doc/convrec COMPONENT programs)
install(FILES LICENSE RENAME copyright DESTINATION share/doc/convrec-dev COMPONENT development)

get_property(programs GLOBAL PROPERTY CR_PROGRAMS)
install(CODE "
  set(prefix \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
  execute_process(COMMAND [[${CMAKE_SOURCE_DIR}/deploy/collect_runtime]] --libraries-only
      --without [[${CONVREC_LIBTORCH}]] \"\${prefix}\" [[${CMAKE_BINARY_DIR}/bin]] ${programs}
    COMMAND_ERROR_IS_FATAL ANY)" COMPONENT libraries EXCLUDE_FROM_ALL)
