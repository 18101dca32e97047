/* SPDX-License-Identifier: MIT */
#include "hook.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "log.h"
#include "mem.h"

static void on_closed(uv_handle_t *h)
{
	free(h);
}

static void on_hook_exit(uv_process_t *p, int64_t status, int signal)
{
	if (status != 0 || signal != 0)
		log_warn("a hook ended with status %lld, signal %d", (long long)status, signal);
	uv_close((uv_handle_t *)p, on_closed);
}

/* What a command needs of the daemon's environment; keys of endpoints are not among it. */
static const char *const kept[] = { "PATH", "HOME", "USER", "LANG", "TZ", "XDG_RUNTIME_DIR", "BATCHD_SOCKET" };

static char **environment(const char *const *variables, size_t *ret_own)
{
	size_t n = 0, own = 0;
	char **env;

	while (variables[n] != NULL)
		n++;
	env = mem_zero(n + sizeof kept / sizeof kept[0] + 1, sizeof *env);
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (getenv(kept[i]) != NULL)
			env[own++] = mem_printf("%s=%s", kept[i], getenv(kept[i]));
	for (size_t i = 0; i < n; i++)
		env[own + i] = mem_strdup(variables[i]);
	*ret_own = own + n;
	return env;
}

void hook_run(void *data, const char *command, const char *const *variables)
{
	uv_loop_t *loop = data;
	uv_process_t *p = MEM_NEW(uv_process_t);
	char *shell = mem_strdup("/bin/sh"), *flag = mem_strdup("-c"), *text = mem_strdup(command);
	char *argv[] = { shell, flag, text, NULL };
	size_t own = 0;
	char **env = environment(variables, &own);
	uv_process_options_t options = { .exit_cb = on_hook_exit, .file = "/bin/sh", .args = argv, .env = env, .cwd = "/",
		.flags = UV_PROCESS_DETACHED };
	int rc = uv_spawn(loop, p, &options);

	if (rc < 0) {
		log_warn("a hook could not be run: %s", uv_strerror(rc));
		uv_close((uv_handle_t *)p, on_closed);
	} else {
		uv_unref((uv_handle_t *)p);
	}
	for (size_t i = 0; i < own; i++)
		free(env[i]);
	free(env);
	free(shell);
	free(flag);
	free(text);
}
