# TIMERD_SANITIZE is what -fsanitize= gets: "address,undefined", "thread", or empty.
set(TIMERD_SANITIZE "" CACHE STRING "Sanitizers to build with")
if(TIMERD_SANITIZE)
  # Instrumented code hides from GCC that a value is set: its documentation warns of such warnings.
  add_compile_options(-fsanitize=${TIMERD_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=${TIMERD_SANITIZE})
endif()
