/* SPDX-License-Identifier: MIT */
#include "call_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mem.h"

#define SYSTEM_SOCKET "/run/batchd/batchd.sock"

static int try_connect(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, rc = 0;

	if (strlen(path) >= sizeof at.sun_path)
		return err_set(err, BD_EINVALID, "the path of the socket is too long: %s", path);
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, BD_EIO, "socket");
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) < 0) {
		if (errno == EACCES || errno == EPERM)
			rc = err_set(err, BD_EDENIED, "no permission to connect to the daemon at %s", path);
		else
			rc = err_set(err, BD_ENODAEMON, "no daemon answers at %s (%s)", path, strerror(errno));
		close(fd);
		return rc;
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return err_sys(err, BD_EIO, "socket");
	}
	*ret_fd = fd;
	return 0;
}

int socket_connect(const char *path, int *ret_fd, struct err *err)
{
	const char *from_env = getenv("BATCHD_SOCKET"), *runtime = getenv("XDG_RUNTIME_DIR");
	char *own = NULL;
	int rc;

	if (path == NULL && from_env != NULL && from_env[0] != '\0')
		path = from_env;
	if (path == NULL && runtime != NULL && runtime[0] == '/')
		own = mem_printf("%s/batchd/batchd.sock", runtime);
	if (path != NULL) {
		rc = try_connect(path, ret_fd, err);
	} else {
		rc = own != NULL ? try_connect(own, ret_fd, err) : BD_ENODAEMON;
		if (rc == BD_ENODAEMON)
			rc = try_connect(SYSTEM_SOCKET, ret_fd, err);
		if (rc == BD_ENODAEMON && own != NULL)
			err_set(err, rc, "no daemon answers at %s or %s", own, SYSTEM_SOCKET);
	}
	if (rc == BD_ENODAEMON && err != NULL) {
		size_t n = strlen(err->msg);

		snprintf(err->msg + n, sizeof err->msg - n,
		         "; start one with `batchd &` or `systemctl --user start batchd`");
	}
	free(own);
	return rc;
}
