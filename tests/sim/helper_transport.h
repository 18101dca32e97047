/* SPDX-License-Identifier: MIT */
#ifndef HELPER_TRANSPORT_H
#define HELPER_TRANSPORT_H

#include "clock.h"
#include "ep.h"
#include "transport.h"

/*
 * The transport of simulations: exchanges go to the core of the test endpoint, under a clock of the test's.
 *
 * The endpoint sees a request when it is started; its reply waits here until sim_transport_deliver(), so
 * what happens between (a crash, say) happens to a request that took effect.  What the plan does to a reply on
 * its way (dropped, cut, slow, stalled past stall_ms) comes out as the real transport would tell it.
 * Redirects are followed as there: a GET only, five hops, and no header of the caller's to another host.
 */
struct transport *sim_transport_new(struct ep *core, struct clock *clock);
/* What is under way still ends, as canceled. */
void sim_transport_free(struct transport *transport);

/* Ends the exchanges whose reply is due by now, first come first; returns how many. */
int sim_transport_deliver(struct transport *transport);
/* When the next reply is due, -1 if nothing is under way. */
int64_t sim_transport_next_ms(const struct transport *transport);
/* How many exchanges are under way. */
int sim_transport_pending(const struct transport *transport);

/* The next n requests do not get out at all (NET_NOT_SENT). */
void sim_transport_unplug(struct transport *transport, int n);
/* The program under test has died: what is under way is dropped, no done() comes any more. */
void sim_transport_forget(struct transport *transport);
/* Another run of the endpoint takes over; the state it has is its own affair. */
void sim_transport_set_core(struct transport *transport, struct ep *core);

#endif
