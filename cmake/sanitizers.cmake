# TIMERD_SANITIZE is what -fsanitize= gets: "address,undefined", "thread", or empty.
set(TIMERD_SANITIZE "" CACHE STRING "Sanitizers to build with")
if(TIMERD_SANITIZE)
  add_compile_options(-fsanitize=${TIMERD_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TIMERD_SANITIZE})
endif()
