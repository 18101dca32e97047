/* SPDX-License-Identifier: MIT */
#ifndef CURL_TRANSPORT_H
#define CURL_TRANSPORT_H

#include "err.h"
#include "transport.h"

struct uv_loop_s;

/*
 * The transport of the built daemon: libcurl's multi interface on a libuv loop.
 *
 * Connections are kept and shared between exchanges, except that a POST always goes out on
 * a fresh one: curl sends a request again by itself when a kept connection turns out dead,
 * and a POST is never sent twice.  Proxies come from the environment (HTTPS_PROXY, NO_PROXY), the
 * CA bundle too (CURL_CA_BUNDLE, SSL_CERT_FILE); TLS is always verified.
 *
 * A GET follows redirects, at most five, never from https to http; to another scheme, host or
 * port it goes without any of the caller's headers.  Other methods follow none.
 */
struct transport *curl_transport_new(struct uv_loop_s *loop, struct err *err);

/*
 * Cancels what is under way (each done() is still called), closes, frees, and then calls closed, on
 * the loop's thread and never from inside this call.  closed may be NULL.
 */
void curl_transport_close(struct transport *transport, void (*closed)(void *data), void *data);

#endif
