# LibTorch as the target convrec::torch. Read by this build and, installed, by find_package(convrec).
#   In   CONVREC_LIBTORCH  the folder that holds torch/ (and nvidia/), as pip unpacks the wheel
#        CONVREC_CUDA      whether the libraries were built with CUDA
#   Out  CR_TORCH_ROOT, CR_TORCH_VERSION
# Own imported targets name what is linked: find_package(Torch) would redefine protobuf::libprotobuf,
# enable the CUDA language and search a toolkit in every build.
#   CPU   libtorch_cpu, libc10; no CUDA toolkit is needed.
#   CUDA  also libtorch_cuda, libc10_cuda and the toolkit's libcudart. NCCL, cuDNN and the rest come in
#         as dependencies of libtorch_cuda; only a machine that runs needs them.

# The version of the package in ROOT without its local part ("+cu130"); "" when there is none.
function(cr_torch_version root variable)
  set(version "")
  if(EXISTS "${root}/version.py")
    file(STRINGS "${root}/version.py" line REGEX "^__version__ = ")
    string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" version "${line}")
  endif()
  set(${variable} "${version}" PARENT_SCOPE)
endfunction()

function(cr_torch_library name)
  add_library(convrec::${name} SHARED IMPORTED)
  set_target_properties(convrec::${name} PROPERTIES
    IMPORTED_LOCATION "${CR_TORCH_ROOT}/lib/lib${name}.so")
  target_link_libraries(convrec::torch INTERFACE convrec::${name})
endfunction()

set(CR_TORCH_ROOT "${CONVREC_LIBTORCH}/torch")
cr_torch_version("${CR_TORCH_ROOT}" CR_TORCH_VERSION)
add_library(convrec::torch INTERFACE IMPORTED)
if(CONVREC_CUDA)
  find_package(CUDAToolkit 13 REQUIRED)
  cr_torch_library(torch_cuda)
  cr_torch_library(c10_cuda)
  target_link_libraries(convrec::torch INTERFACE CUDA::cudart)
  # c10d's header of NCCL includes NCCL's own; its code is a dependency of libtorch_cuda.
  find_path(CR_NCCL_INCLUDE_DIR nccl.h
    HINTS "${CONVREC_LIBTORCH}/nvidia/nccl/include" ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
  target_include_directories(convrec::torch INTERFACE "${CR_NCCL_INCLUDE_DIR}")
  target_compile_definitions(convrec::torch INTERFACE CONVREC_CUDA=1)
  # libtorch_cuda registers its kernels when it is loaded; no symbol of it need be named for that.
  target_link_options(convrec::torch INTERFACE "-Wl,--no-as-needed")
endif()
cr_torch_library(torch_cpu)
cr_torch_library(c10)
# The libraries name CUDA libraries as dependencies, which their own run paths find when they load.
target_link_options(convrec::torch INTERFACE "-Wl,--allow-shlib-undefined")
target_include_directories(convrec::torch INTERFACE
  "${CR_TORCH_ROOT}/include" "${CR_TORCH_ROOT}/include/torch/csrc/api/include")
target_link_libraries(convrec::torch INTERFACE Threads::Threads)
