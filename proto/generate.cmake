# timerd_generate(<out-var> [GRPC] <file.proto>): C++ sources of one proto file, generated into the
# build tree under the same path. GRPC also generates the service's stubs.
find_program(TIMERD_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

function(timerd_generate out)
  cmake_parse_arguments(PARSE_ARGV 1 arg "GRPC" "" "")
  set(proto ${arg_UNPARSED_ARGUMENTS})
  string(REGEX REPLACE "\\.proto$" "" stem ${CMAKE_CURRENT_BINARY_DIR}/${proto})
  set(outputs ${stem}.pb.cc ${stem}.pb.h)
  set(flags --cpp_out=${CMAKE_CURRENT_BINARY_DIR})
  if(arg_GRPC)
    list(APPEND outputs ${stem}.grpc.pb.cc ${stem}.grpc.pb.h)
    list(APPEND flags --grpc_out=${CMAKE_CURRENT_BINARY_DIR}
                      --plugin=protoc-gen-grpc=${TIMERD_GRPC_CPP_PLUGIN})
  endif()
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND protobuf::protoc ${flags} -I${CMAKE_CURRENT_SOURCE_DIR} ${proto}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
    COMMENT "Generating ${proto}")
  set(${out} ${outputs} PARENT_SCOPE)
endfunction()
