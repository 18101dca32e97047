# Run at installation, with SOURCE, BUILD, BINDIR and CMAKE_INSTALL_PREFIX: what hangs on the prefix.
#
# With a prefix that the system looks into (/usr, /usr/local) that is the service for the whole machine too: its unit,
# user, directories and /etc/batchd/batchd.conf.  With any other ($HOME/.local) there is the unit for one user.
set(out "${BUILD}/install")
set(prefix "${CMAKE_INSTALL_PREFIX}")
if(IS_ABSOLUTE "${BINDIR}")
  set(BATCHD_BINDIR "${BINDIR}")
else()
  set(BATCHD_BINDIR "${prefix}/${BINDIR}")
endif()

set(zsh share/zsh/site-functions)
if(prefix STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(zsh share/zsh/vendor-completions)
endif()
configure_file("${BUILD}/batchctl.zsh" "${out}/_batchctl" COPYONLY)
file(INSTALL "${out}/_batchctl" DESTINATION "${prefix}/${zsh}")

set(units share/systemd)        # where systemd --user looks in ~/.local
if(prefix MATCHES "^/usr(/local)?$")
  set(units lib/systemd)
  configure_file("${SOURCE}/systemd/batchd.service.in" "${out}/system/batchd.service" @ONLY)
  file(INSTALL "${out}/system/batchd.service" DESTINATION "${prefix}/${units}/system")
  file(INSTALL "${SOURCE}/systemd/batchd.sysusers" DESTINATION "${prefix}/lib/sysusers.d" RENAME batchd.conf)
  file(INSTALL "${SOURCE}/systemd/batchd.tmpfiles" DESTINATION "${prefix}/lib/tmpfiles.d" RENAME batchd.conf)
  # What the administrator wrote stays.
  if(EXISTS "$ENV{DESTDIR}/etc/batchd/batchd.conf")
    message(STATUS "Kept: $ENV{DESTDIR}/etc/batchd/batchd.conf")
  else()
    file(INSTALL "${SOURCE}/conf/batchd-minimal.conf" DESTINATION /etc/batchd RENAME batchd.conf)
  endif()
endif()
configure_file("${SOURCE}/systemd/batchd-user.service.in" "${out}/user/batchd.service" @ONLY)
file(INSTALL "${out}/user/batchd.service" DESTINATION "${prefix}/${units}/user")
