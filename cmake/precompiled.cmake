# Headers that take a compiler seconds to read, read once for many sources. A source includes all the
# same what it needs: `./dev lint` reads it without these.

# timerd_precompiled_headers(<name> HEADERS <header>... LIBRARIES <target>... OPTIONS <option>...)
# makes a target for others to REUSE_FROM. They have to be compiled with the same options, or the
# compiler says so.
function(timerd_precompiled_headers name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;LIBRARIES;OPTIONS")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc CONTENT "")
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} timerd::warnings)
  target_compile_options(${name} PRIVATE ${arg_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess) # or ccache would cache none of it
endif()
