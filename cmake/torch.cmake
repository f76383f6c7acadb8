# LibTorch from the torch wheel, unpacked by tools/setup; CONVREC_LIBTORCH names the folder that
# holds torch/ and nvidia/. Own imported targets name what is linked: find_package(Torch) would
# redefine protobuf::libprotobuf, enable the CUDA language and search a toolkit in every build.
#   CPU   libtorch_cpu, libc10; no CUDA toolkit is needed.
#   CUDA  (CONVREC_CUDA=ON) also libtorch_cuda, libc10_cuda and the toolkit's libcudart. NCCL, cuDNN
#         and the rest come in as dependencies of libtorch_cuda; only a machine that runs needs them.
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
set(CR_TORCH_ROOT "${CONVREC_LIBTORCH}/torch")
if(NOT EXISTS "${CR_TORCH_ROOT}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch is not in ${CONVREC_LIBTORCH}: run tools/setup, or set -DCONVREC_LIBTORCH.")
endif()

# c10d's header of Gloo includes Gloo's own; its code is in libtorch_cpu.
find_path(CR_GLOO_INCLUDE_DIR gloo/algorithm.h)
if(NOT CR_GLOO_INCLUDE_DIR)
  message(FATAL_ERROR "The headers of Gloo (Debian: libgloo-dev) are missing: run tools/setup.")
endif()

add_library(convrec_torch INTERFACE)
function(cr_torch_library lib)
  add_library(cr_${lib} SHARED IMPORTED)
  set_target_properties(cr_${lib} PROPERTIES IMPORTED_LOCATION "${CR_TORCH_ROOT}/lib/lib${lib}.so")
  target_link_libraries(convrec_torch INTERFACE cr_${lib})
endfunction()
if(CONVREC_CUDA)
  find_package(CUDAToolkit 13 REQUIRED)
  cr_torch_library(torch_cuda)
  cr_torch_library(c10_cuda)
  target_link_libraries(convrec_torch INTERFACE CUDA::cudart)
  # c10d's header of NCCL includes NCCL's own; its code is a dependency of libtorch_cuda.
  find_path(CR_NCCL_INCLUDE_DIR nccl.h
    HINTS "${CONVREC_LIBTORCH}/nvidia/nccl/include" ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
  target_include_directories(convrec_torch SYSTEM INTERFACE "${CR_NCCL_INCLUDE_DIR}")
  target_compile_definitions(convrec_torch INTERFACE CONVREC_CUDA=1)
  # libtorch_cuda registers its kernels when it is loaded; no symbol of it need be named for that.
  target_link_options(convrec_torch INTERFACE "-Wl,--no-as-needed")
endif()
cr_torch_library(torch_cpu)
cr_torch_library(c10)
# The libraries name CUDA libraries as dependencies, which their own run paths find when they load.
target_link_options(convrec_torch INTERFACE "-Wl,--allow-shlib-undefined")
target_include_directories(convrec_torch SYSTEM INTERFACE
  "${CR_TORCH_ROOT}/include" "${CR_TORCH_ROOT}/include/torch/csrc/api/include")
target_link_libraries(convrec_torch INTERFACE Threads::Threads)

# One precompiled header for every TORCH target (the torch headers cost 30 s a file without it).
# Everything that reuses it compiles with -fPIC, executables too; -fpch-preprocess keeps ccache exact.
add_library(convrec_torch_compile INTERFACE)
target_compile_options(convrec_torch_compile INTERFACE -fPIC)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(convrec_torch_compile INTERFACE -fpch-preprocess)
endif()
add_library(convrec_torch_pch OBJECT "${CMAKE_SOURCE_DIR}/cmake/torch_pch.cc")
target_link_libraries(convrec_torch_pch PRIVATE convrec_torch convrec_torch_compile)
target_compile_options(convrec_torch_pch PRIVATE ${CR_WARNINGS})
target_precompile_headers(convrec_torch_pch PRIVATE "${CMAKE_SOURCE_DIR}/cmake/torch_pch.h")
