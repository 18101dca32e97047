# What `make install` and the package lay down.
#
# With a prefix that the system looks into (/usr, /usr/local) that is the service for the whole machine as well: its
# unit, user, directories and /etc/batchd/batchd.conf.  With any other (~/.local) the programs, their manuals and the
# unit for one user.
if(BATCHD_PROFILE STREQUAL "fuzz" OR NOT TARGET batchd)
  return()
endif()
set(BATCHD_BINDIR ${CMAKE_INSTALL_FULL_BINDIR})
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
  set(BATCHD_SYSTEM ON)
  set(UNITS lib/systemd)
else()
  set(BATCHD_SYSTEM OFF)
  set(UNITS share/systemd)      # where systemd --user looks in ~/.local
endif()
set(OUT ${CMAKE_BINARY_DIR}/install)
file(MAKE_DIRECTORY ${OUT})

install(TARGETS batchd batchctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# --- manuals, changelog: compressed, as Debian wants them and man(1) takes them anywhere ---------------------
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

# --- completions -------------------------------------------------------------------------------------------
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$" AND EXISTS /etc/debian_version)
  set(ZSH_DIR share/zsh/vendor-completions)
else()
  set(ZSH_DIR share/zsh/site-functions)
endif()
install(FILES ${CMAKE_BINARY_DIR}/batchctl.bash DESTINATION share/bash-completion/completions RENAME batchctl)
install(FILES ${CMAKE_BINARY_DIR}/batchctl.zsh DESTINATION ${ZSH_DIR} RENAME _batchctl)
install(FILES ${CMAKE_BINARY_DIR}/batchctl.fish DESTINATION share/fish/vendor_completions.d)

# --- prompts, to copy from (the programs have them compiled in), and documents -----------------------------
install(DIRECTORY conf/prompts DESTINATION share/batchd FILES_MATCHING PATTERN "*.txt")
install(FILES README.md NEWS.md DESTINATION share/doc/batchd)
install(FILES cmake/deb/copyright DESTINATION share/doc/batchd)
install(FILES conf/batchd.conf conf/batchd-minimal.conf DESTINATION share/doc/batchd/examples)

# --- services ----------------------------------------------------------------------------------------------
configure_file(systemd/batchd-user.service.in ${OUT}/user/batchd.service @ONLY)
install(FILES ${OUT}/user/batchd.service DESTINATION ${UNITS}/user)
if(BATCHD_SYSTEM)
  configure_file(systemd/batchd.service.in ${OUT}/system/batchd.service @ONLY)
  install(FILES ${OUT}/system/batchd.service DESTINATION ${UNITS}/system)
  install(FILES systemd/batchd.sysusers DESTINATION lib/sysusers.d RENAME batchd.conf)
  install(FILES systemd/batchd.tmpfiles DESTINATION lib/tmpfiles.d RENAME batchd.conf)
  # What the administrator wrote stays.
  configure_file(conf/batchd-minimal.conf ${OUT}/etc/batchd.conf COPYONLY)
  install(CODE "
    if(EXISTS \"\$ENV{DESTDIR}/etc/batchd/batchd.conf\")
      message(STATUS \"Kept: \$ENV{DESTDIR}/etc/batchd/batchd.conf\")
    else()
      file(INSTALL \"${OUT}/etc/batchd.conf\" DESTINATION \"/etc/batchd\")
    endif()")
endif()
