# Link timerd::warnings PRIVATE: warnings are errors in our own code, never in generated code.
add_library(timerd_warnings INTERFACE)
add_library(timerd::warnings ALIAS timerd_warnings)
target_compile_options(timerd_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wno-missing-field-initializers -Werror)
