# -DCONVREC_SANITIZER=address,undefined | thread: applied to every target of the project.
if(CONVREC_SANITIZER)
  add_compile_options(-fsanitize=${CONVREC_SANITIZER} -fno-omit-frame-pointer -g1
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CONVREC_SANITIZER})
endif()
