# What other CMake projects need to use the client: `cmake --install <build> --component client`.
include(CMakePackageConfigHelpers)
set(TIMERD_PROTO_INSTALL_DIR ${CMAKE_INSTALL_DATADIR}/timerd/proto)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/timerd)

set_target_properties(timerd_api PROPERTIES EXPORT_NAME api)
set_target_properties(timerd_client PROPERTIES EXPORT_NAME client)
set_target_properties(timerd_client_testing PROPERTIES EXPORT_NAME client_testing)
install(TARGETS timerd_api timerd_client timerd_client_testing EXPORT timerd-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client)
install(EXPORT timerd-targets NAMESPACE timerd:: DESTINATION ${config_dir} COMPONENT client)

install(DIRECTORY ${PROJECT_BINARY_DIR}/proto/timerd/v1
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/timerd COMPONENT client FILES_MATCHING PATTERN "*.h")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/timerd/v1
        DESTINATION ${TIMERD_PROTO_INSTALL_DIR}/timerd COMPONENT client
        FILES_MATCHING PATTERN "*.proto")

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/timerd-config.cmake.in ${PROJECT_BINARY_DIR}/timerd-config.cmake
  INSTALL_DESTINATION ${config_dir} PATH_VARS TIMERD_PROTO_INSTALL_DIR)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/timerd-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/timerd-config.cmake
              ${PROJECT_BINARY_DIR}/timerd-config-version.cmake
        DESTINATION ${config_dir} COMPONENT client)
