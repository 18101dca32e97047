# What `make install` and the package lay down.  What hangs on the prefix is decided when it is installed
# (install_prefix.cmake), so that one build can be put to several places.
if(BATCHD_PROFILE STREQUAL "fuzz" OR NOT TARGET batchd)
  return()
endif()
set(OUT ${CMAKE_BINARY_DIR}/install)
file(MAKE_DIRECTORY ${OUT})

install(TARGETS batchd batchctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# Manuals and changelog: compressed, as Debian wants them and man(1) takes them anywhere.
function(batchd_gzip from name section_dir)
  add_custom_command(OUTPUT ${OUT}/${name}.gz DEPENDS ${from} VERBATIM
    COMMAND sh -c "gzip -9nc \"$1\" > \"$2\"" sh ${from} ${OUT}/${name}.gz)
  set_property(GLOBAL APPEND PROPERTY BATCHD_GZIPPED ${OUT}/${name}.gz)
  install(FILES ${OUT}/${name}.gz DESTINATION ${section_dir})
endfunction()
configure_file(cmake/deb/changelog.in ${OUT}/changelog @ONLY)
batchd_gzip(${CMAKE_BINARY_DIR}/batchctl.1 batchctl.1 ${CMAKE_INSTALL_MANDIR}/man1)
batchd_gzip(${CMAKE_SOURCE_DIR}/conf/batchd.conf.5 batchd.conf.5 ${CMAKE_INSTALL_MANDIR}/man5)
batchd_gzip(${CMAKE_SOURCE_DIR}/conf/batchd.8 batchd.8 ${CMAKE_INSTALL_MANDIR}/man8)
batchd_gzip(${OUT}/changelog changelog share/doc/batchd)
get_property(GZIPPED GLOBAL PROPERTY BATCHD_GZIPPED)
add_custom_target(install_files ALL DEPENDS ${GZIPPED} ${COMPLETIONS})

install(FILES ${CMAKE_BINARY_DIR}/batchctl.bash DESTINATION share/bash-completion/completions RENAME batchctl)
install(FILES ${CMAKE_BINARY_DIR}/batchctl.fish DESTINATION share/fish/vendor_completions.d)

# Prompts, to copy from (the programs have them compiled in), and documents.
install(DIRECTORY conf/prompts DESTINATION share/batchd FILES_MATCHING PATTERN "*.txt")
install(FILES README.md NEWS.md DESTINATION share/doc/batchd)
install(FILES cmake/deb/copyright DESTINATION share/doc/batchd)
install(FILES conf/batchd.conf conf/batchd-minimal.conf systemd/batchd-metrics.service systemd/batchd-metrics.timer
  DESTINATION share/doc/batchd/examples)

install(CODE "
set(SOURCE \"${CMAKE_SOURCE_DIR}\")
set(BUILD \"${CMAKE_BINARY_DIR}\")
set(BINDIR \"${CMAKE_INSTALL_BINDIR}\")")
install(SCRIPT cmake/install_prefix.cmake)
