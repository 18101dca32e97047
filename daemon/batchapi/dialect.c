/* SPDX-License-Identifier: MIT */
#include "dialect.h"

#include <string.h>
#include <strings.h>

static const struct dialect dialects[] = {
#define D(dname, dhosts, dpurpose, dauth, requests, bytes, id_max, id_dots, path, page, dflags) \
	{ .name = #dname, .hosts = dhosts, .purpose = dpurpose, .auth = dauth, \
	  .limits = { requests, bytes, id_max, id_dots, !((dflags) & NO_METADATA) }, \
	  .upload_path = path, .files_page = page, .flags = dflags },
#include "dialects.def"
#undef D
};
#define N_DIALECTS (sizeof dialects / sizeof dialects[0])

const struct dialect *dialect_named(const char *name)
{
	for (size_t i = 0; i < N_DIALECTS; i++)
		if (strcasecmp(dialects[i].name, name) == 0)
			return &dialects[i];
	return NULL;
}

/* Whether host has piece in it, in any case. */
static bool host_has(const char *host, size_t len, const char *piece, size_t n)
{
	for (size_t i = 0; i + n <= len; i++)
		if (strncasecmp(host + i, piece, n) == 0)
			return true;
	return false;
}

const struct dialect *dialect_guess(const char *base_url)
{
	const char *host = strstr(base_url, "://");
	size_t len;

	host = host != NULL ? host + 3 : base_url;
	len = strcspn(host, "/?#");
	for (size_t i = 0; i < N_DIALECTS; i++) {
		for (const char *p = dialects[i].hosts; *p != '\0';) {
			size_t n = strcspn(p, " ");

			if (host_has(host, len, p, n))
				return &dialects[i];
			p += n + strspn(p + n, " ");
		}
	}
	return &dialects[N_DIALECTS - 1];
}
