# -DCONVREC_SANITIZER=address,undefined | thread: applied to every target of the project.
# -O1 and -g1, whatever the build type says: stacks keep their frames and files compile sooner.
if(CONVREC_SANITIZER)
  add_compile_options(-fsanitize=${CONVREC_SANITIZER} -fno-omit-frame-pointer -O1 -g1
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CONVREC_SANITIZER})
endif()

# CONVREC_FUZZ: everything is measured for coverage and watched for errors; cr_fuzz adds libFuzzer's main.
if(CONVREC_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "CONVREC_FUZZ needs clang: -DCMAKE_CXX_COMPILER=clang++, or tools/dev fuzz.")
  endif()
  set(CONVREC_FUZZ_SECONDS 60 CACHE STRING "How long a fuzz target runs as a test.")
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=address,undefined)
endif()

# Tests run with these; a finding ends the test.
set(CR_SANITIZER_ENVIRONMENT "")
if(CONVREC_SANITIZER)
  set(supp "${CMAKE_SOURCE_DIR}/tests/support/tsan.supp")
  set(CR_SANITIZER_ENVIRONMENT
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
    "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${supp}")
endif()

# ThreadSanitizer learns of Abseil's locks from tsan_absl.cc; executables link CR_SANITIZER_LIBRARY.
set(CR_SANITIZER_LIBRARY "")
if(CONVREC_SANITIZER MATCHES "thread")
  set(wrappers "${CMAKE_SOURCE_DIR}/cmake/tsan_absl.cc")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${wrappers}")
  file(READ "${wrappers}" text)
  string(REGEX MATCHALL "_ZNK?4absl[A-Za-z0-9_]+" symbols "${text}")
  list(REMOVE_DUPLICATES symbols)
  list(TRANSFORM symbols PREPEND "-Wl,--wrap=")
  add_library(convrec_tsan OBJECT "${wrappers}")
  target_link_libraries(convrec_tsan PUBLIC absl::synchronization absl::time)
  target_link_options(convrec_tsan INTERFACE ${symbols})
  cr_configure(convrec_tsan "" "")
  set(CR_SANITIZER_LIBRARY convrec_tsan)
endif()
