/* SPDX-License-Identifier: MIT */
#include "curl_transport.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "curl_job.h"
#include "fault.h"
#include "mem.h"

/*
 * curl says which sockets to watch and when to call again (on_socket, on_timeout); the loop calls
 * back (on_poll, on_timer) and hands that to curl; what has ended then goes to a list that
 * the idle handle delivers on the loop's next turn.  So no done() ever runs inside curl, nor
 * inside start() or cancel().
 *
 * Polls are found by their socket, not by curl's pointer, because curl may close a socket
 * whose poll it has not taken back: a closed socket still polled would abort the loop.
 */
struct poll {
	uv_poll_t handle;
	struct curl_transport *owner;
	curl_socket_t fd;
	struct poll *next;
};

struct curl_transport {
	struct transport transport;             /* first: what callers hold */
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	uv_idle_t deliver;                      /* active while something ended, or while closing */
	uv_idle_t resume;                       /* active while a job is paused */
	uint64_t turn;                          /* counts what the loop called us for */
	struct poll *polls;
	struct job *running, *ended, **ended_tail;
	int handles;                            /* uv handles not closed yet */
	bool closing, cleaned;
	void (*closed)(void *data);
	void *closed_data;
};

static void on_deliver(uv_idle_t *idle);
static void on_resume(uv_idle_t *idle);

/* --- jobs: running -> ended -> done() -------------------------------------------------- */

static void job_link(struct curl_transport *t, struct job *job)
{
	job->next = t->running;
	if (t->running != NULL)
		t->running->prev = job;
	t->running = job;
}

static void job_unlink(struct curl_transport *t, struct job *job)
{
	if (job->prev != NULL)
		job->prev->next = job->next;
	else
		t->running = job->next;
	if (job->next != NULL)
		job->next->prev = job->prev;
	job->next = job->prev = NULL;
}

/* It is over; done() follows from on_deliver. */
static void job_end(struct curl_transport *t, struct job *job, CURLcode rc)
{
	if (job->running) {
		curl_multi_remove_handle(t->multi, job->easy);
		job->running = false;
	}
	job_unlink(t, job);
	curl_job_finish(job, rc);
	*t->ended_tail = job;
	t->ended_tail = &job->next;
	uv_idle_start(&t->deliver, on_deliver);
}

static void job_run(struct curl_transport *t, struct job *job)
{
	CURLMcode rc;

	if (job->fail == NET_OK) {
		rc = curl_multi_add_handle(t->multi, job->easy);
		if (rc == CURLM_OK) {
			job->running = true;
			return;                 /* until collect() */
		}
		curl_job_fail(job, NET_NOT_SENT, "%s", curl_multi_strerror(rc));
	}
	job_end(t, job, CURLE_FAILED_INIT);
}

/* What curl says has ended.  Called after every action, outside of curl. */
static void collect(struct curl_transport *t, CURLMcode multi_rc)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(t->multi, &left)) != NULL) {
		CURLcode rc = msg->data.result;
		struct job *job = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&job);
		curl_multi_remove_handle(t->multi, job->easy);
		job->running = false;
		if (curl_job_redirect(job, rc))
			job_run(t, job);
		else
			job_end(t, job, rc);
	}
	if (multi_rc != CURLM_OK && multi_rc != CURLM_BAD_SOCKET) {
		for (struct job *job = t->running, *next; job != NULL; job = next) {
			next = job->next;
			curl_job_fail(job, job->sent ? NET_BROKEN : NET_NOT_SENT, "%s", curl_multi_strerror(multi_rc));
			job_end(t, job, CURLE_OK);
		}
	}
}

/* --- sockets and time ------------------------------------------------------------------ */

static void transport_closed_one(struct curl_transport *t)
{
	if (--t->handles > 0 || !t->cleaned)
		return;
	curl_global_cleanup();
	if (t->closed != NULL)
		t->closed(t->closed_data);
	free(t);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct poll *p = handle->data;
	struct curl_transport *t = p->owner;

	free(p);
	transport_closed_one(t);
}

static void on_closed(uv_handle_t *handle)
{
	transport_closed_one(handle->data);
}

static struct poll *poll_find(struct curl_transport *t, curl_socket_t fd)
{
	struct poll *p = t->polls;

	while (p != NULL && p->fd != fd)
		p = p->next;
	return p;
}

static void poll_drop(struct poll *p)
{
	struct poll **at = &p->owner->polls;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	uv_poll_stop(&p->handle);
	uv_close((uv_handle_t *)&p->handle, on_poll_closed);
}

static struct poll *poll_add(struct curl_transport *t, curl_socket_t fd)
{
	struct poll *p = MEM_NEW(struct poll);

	if (uv_poll_init_socket(t->loop, &p->handle, fd) < 0) {
		free(p);
		return NULL;
	}
	p->handle.data = p;
	p->owner = t;
	p->fd = fd;
	p->next = t->polls;
	t->polls = p;
	t->handles++;
	return p;
}

int transport_close_socket(void *owner, curl_socket_t fd)
{
	struct poll *p = poll_find(owner, fd);

	if (p != NULL)
		poll_drop(p);
	return close(fd);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct poll *p = handle->data;
	struct curl_transport *t = p->owner;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	t->turn++;
	collect(t, curl_multi_socket_action(t->multi, p->fd, flags, &running));
}

static void on_timer(uv_timer_t *handle)
{
	struct curl_transport *t = handle->data;
	int running;

	t->turn++;
	collect(t, curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running));
}

/* curl: watch this socket so.  Also comes during curl_multi_cleanup(). */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
	struct curl_transport *t = data;
	struct poll *p = poll_find(t, fd);
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	(void)easy;
	(void)socket_data;
	if (what == CURL_POLL_REMOVE) {
		if (p != NULL)
			poll_drop(p);
		return 0;
	}
	if (p == NULL)
		p = poll_add(t, fd);
	if (p == NULL || uv_poll_start(&p->handle, events, on_poll) < 0)
		return -1;
	return 0;
}

/* curl: call me again in so many ms.  0 means soon, not now: from here it must not be called. */
static int on_timeout(CURLM *multi, long timeout_ms, void *data)
{
	struct curl_transport *t = data;

	(void)multi;
	if (timeout_ms < 0)
		uv_timer_stop(&t->timer);
	else
		uv_timer_start(&t->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

/* --- a turn's share --------------------------------------------------------------------- */

uint64_t transport_turn(const struct curl_transport *t)
{
	return t->turn;
}

void transport_pause(struct curl_transport *t, struct job *job)
{
	job->paused = true;
	uv_idle_start(&t->resume, on_resume);
}

static void on_resume(uv_idle_t *idle)
{
	struct curl_transport *t = idle->data;
	int running;

	uv_idle_stop(idle);
	t->turn++;
	for (struct job *job = t->running; job != NULL; job = job->next)
		if (job->paused) {
			job->paused = false;
			(void)curl_easy_pause(job->easy, CURLPAUSE_CONT);       /* what fails here, collect() tells */
		}
	collect(t, curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running));
}

/* --- delivering and the end ------------------------------------------------------------ */

static void transport_cleanup(struct curl_transport *t)
{
	uv_idle_stop(&t->deliver);
	uv_idle_stop(&t->resume);
	uv_timer_stop(&t->timer);
	curl_multi_cleanup(t->multi);
	while (t->polls != NULL)
		poll_drop(t->polls);
	t->cleaned = true;
	uv_close((uv_handle_t *)&t->timer, on_closed);
	uv_close((uv_handle_t *)&t->resume, on_closed);
	uv_close((uv_handle_t *)&t->deliver, on_closed);   /* the last on_closed frees */
}

/* Hands out what had ended when the turn began; what ends meanwhile waits for the next. */
static void on_deliver(uv_idle_t *idle)
{
	struct curl_transport *t = idle->data;
	struct job *job = t->ended;

	t->ended = NULL;
	t->ended_tail = &t->ended;
	while (job != NULL) {
		struct job *next = job->next;
		struct exchange *x = job->x;

		x->transport_data = NULL;
		curl_job_free(job);
		x->done(x);             /* x may be gone now; it may have started others, or closed us */
		job = next;
	}
	if (t->ended != NULL)
		return;
	if (t->closing && t->running == NULL)
		transport_cleanup(t);
	else
		uv_idle_stop(&t->deliver);
}

static void transport_start(struct transport *transport, struct exchange *x)
{
	struct curl_transport *t = (struct curl_transport *)transport;
	struct job *job = curl_job_new(t, x);

	x->transport_data = job;
	job_link(t, job);
	if (t->closing)
		curl_job_fail(job, NET_CANCELED, "shutting down");
	else if (fault_hit(FAULT_NET))
		curl_job_fail(job, NET_NOT_SENT, "no connection (by order of the test)");
	job_run(t, job);
}

static void transport_cancel(struct transport *transport, struct exchange *x)
{
	struct curl_transport *t = (struct curl_transport *)transport;
	struct job *job = x->transport_data;

	if (job == NULL)
		return;                         /* done() has been called or is running */
	x->net = NET_CANCELED;
	if (job->running) {
		curl_job_fail(job, NET_CANCELED, "canceled");
		job_end(t, job, CURLE_OK);
	}
}

/*
 * Not all of libcurl survives an allocation that fails (7.88 divides by zero), and what it allocates does not grow with
 * what peers send: so it lives on the room as our own small things do.
 */
static void *on_grow(void *old, size_t size)
{
	return mem_grow(old, size, 1);
}

static void *on_zero(size_t n, size_t size)
{
	return mem_zero(n, size);
}

struct transport *curl_transport_new(struct uv_loop_s *loop, struct err *err)
{
	struct curl_transport *t;

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, free, on_grow, mem_strdup, on_zero) != CURLE_OK) {
		err_set(err, BD_EINTERNAL, "libcurl does not start");
		return NULL;
	}
	t = MEM_NEW(struct curl_transport);
	t->multi = curl_multi_init();
	if (t->multi == NULL) {
		err_set(err, BD_EINTERNAL, "libcurl does not start");
		curl_global_cleanup();
		free(t);
		return NULL;
	}
	t->transport = (struct transport){ transport_start, transport_cancel };
	t->loop = loop;
	t->ended_tail = &t->ended;
	uv_timer_init(loop, &t->timer);         /* these three cannot fail */
	uv_idle_init(loop, &t->deliver);
	uv_idle_init(loop, &t->resume);
	t->timer.data = t->deliver.data = t->resume.data = t;
	t->handles = 3;
	curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
	curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
	return &t->transport;
}

void curl_transport_close(struct transport *transport, void (*closed)(void *data), void *data)
{
	struct curl_transport *t = (struct curl_transport *)transport;

	if (t == NULL || t->closing)
		return;
	t->closing = true;
	t->closed = closed;
	t->closed_data = data;
	for (struct job *job = t->running, *next; job != NULL; job = next) {
		next = job->next;
		transport_cancel(transport, job->x);
	}
	uv_idle_start(&t->deliver, on_deliver);
}
