/* SPDX-License-Identifier: MIT */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* systemd's notification socket ($NOTIFY_SOCKET, sd_notify(3)); without one nothing happens. */
void notify_send(const char *state);            /* "READY=1", "STATUS=...", several with LF between */
int64_t notify_watchdog_ms(void);               /* half of $WATCHDOG_USEC, 0: no watchdog for this process */

#endif
