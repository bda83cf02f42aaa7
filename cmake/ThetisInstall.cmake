# SPDX-License-Identifier: MIT
#
# ThetisInstall.cmake: headers, libraries, thetis-doctor, pkg-config files and CMake package, in the
# standard directories. Everything is relocatable: the package files find the prefix from their
# own place.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(thetis_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/thetis)

set_target_properties(thetis_static PROPERTIES EXPORT_NAME static)
set_target_properties(thetis_shared PROPERTIES EXPORT_NAME shared)
install(TARGETS thetis_static thetis_shared EXPORT thetis
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${thetis_SOURCE_DIR}/include/thetis DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(THETIS_TOOLS)
  install(PROGRAMS ${PROJECT_BINARY_DIR}/bin/thetis-doctor DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(THETIS_CHECK)
  set_target_properties(thetis_tester PROPERTIES EXPORT_NAME tester)
  set_target_properties(thetis_instrumented PROPERTIES EXPORT_NAME instrumented)
  set_target_properties(thetis_scenarios PROPERTIES EXPORT_NAME check)
  install(TARGETS thetis_tester thetis_instrumented thetis_scenarios EXPORT thetis
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
if(THETIS_SIM)
  set_target_properties(thetis_fake PROPERTIES EXPORT_NAME sim)
  install(TARGETS thetis_fake EXPORT thetis ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
install(EXPORT thetis NAMESPACE thetis:: FILE thetisTargets.cmake
        DESTINATION ${thetis_package_dir})

configure_package_config_file(${thetis_SOURCE_DIR}/packaging/thetisConfig.cmake.in
  ${PROJECT_BINARY_DIR}/thetisConfig.cmake INSTALL_DESTINATION ${thetis_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/thetisConfigVersion.cmake
  VERSION ${thetis_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/thetisConfig.cmake
        ${PROJECT_BINARY_DIR}/thetisConfigVersion.cmake DESTINATION ${thetis_package_dir})

# The pkg-config file names its directories relative to where it lies, unless they are absolute.
set(thetis_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(thetis_pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE ${thetis_pc_dir})
  string(REGEX REPLACE "[^/]+" ".." thetis_pc_up ${thetis_pc_dir})
  set(thetis_pc_prefix "\${pcfiledir}/${thetis_pc_up}")
endif()
foreach(dir LIBDIR INCLUDEDIR)
  set(thetis_pc_${dir} ${CMAKE_INSTALL_${dir}})
  if(NOT IS_ABSOLUTE ${thetis_pc_${dir}})
    set(thetis_pc_${dir} "\${prefix}/${thetis_pc_${dir}}")
  endif()
endforeach()
set(thetis_pc_private "")
if(thetis_uring)
  set(thetis_pc_private -luring)
endif()
set(thetis_pc_cflags "")
if(NOT THETIS_ASSERT_LEVEL STREQUAL "")
  set(thetis_pc_cflags " -DTHETIS_ASSERT_LEVEL=${THETIS_ASSERT_LEVEL}")
endif()
function(thetis_install_pc name)
  set(file ${PROJECT_BINARY_DIR}/${name}.pc)
  configure_file(${thetis_SOURCE_DIR}/packaging/${name}.pc.in ${file} @ONLY)
  install(FILES ${file} DESTINATION ${thetis_pc_dir})
endfunction()
thetis_install_pc(thetis)
if(THETIS_CHECK)
  list(JOIN thetis_instrument " " thetis_pc_instrument)
  thetis_install_pc(thetis-check)
endif()
