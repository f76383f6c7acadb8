# Finds the LibTorch that tools/setup has unpacked, unless CONVREC_LIBTORCH names another folder, and
# prepares what every TORCH target compiles with.
if(NOT CONVREC_LIBTORCH)
  if(DEFINED ENV{CONVREC_CACHE})
    set(CONVREC_CACHE "$ENV{CONVREC_CACHE}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(CONVREC_CACHE "$ENV{XDG_CACHE_HOME}/convrec")
  else()
    set(CONVREC_CACHE "$ENV{HOME}/.cache/convrec")
  endif()
  set(CONVREC_LIBTORCH "${CONVREC_CACHE}/libtorch-2.11.0")
endif()
if(NOT EXISTS "${CONVREC_LIBTORCH}/torch/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch is not in ${CONVREC_LIBTORCH}: run tools/setup, or set -DCONVREC_LIBTORCH.")
endif()
include(libtorch)

# c10d's header of Gloo includes Gloo's own; its code is in libtorch_cpu.
find_path(CR_GLOO_INCLUDE_DIR gloo/algorithm.h)
if(NOT CR_GLOO_INCLUDE_DIR)
  message(FATAL_ERROR "The headers of Gloo (Debian: libgloo-dev) are missing: run tools/setup.")
endif()

# One precompiled header for every TORCH target (the torch headers cost 30 s a file without it).
# Everything that reuses it compiles with -fPIC, executables too; -fpch-preprocess keeps ccache exact.
add_library(convrec_torch_compile INTERFACE)
target_compile_options(convrec_torch_compile INTERFACE -fPIC)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(convrec_torch_compile INTERFACE -fpch-preprocess)
endif()
add_library(convrec_torch_pch OBJECT "${CMAKE_SOURCE_DIR}/cmake/torch_pch.cc")
target_link_libraries(convrec_torch_pch PRIVATE convrec::torch convrec_torch_compile)
target_compile_options(convrec_torch_pch PRIVATE ${CR_WARNINGS})
target_precompile_headers(convrec_torch_pch PRIVATE "${CMAKE_SOURCE_DIR}/cmake/torch_pch.h")
