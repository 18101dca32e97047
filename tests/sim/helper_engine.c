/* SPDX-License-Identifier: MIT */
#include "helper_engine.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "helper_transport.h"
#include "log.h"
#include "mem.h"

enum {
	DAYS_MOST = 100, STEPS_MOST = 2000000,
	TICKS_MOST = 400,               /* in a row without anything else happening */
	WORK_MS = 5,                    /* a task's end comes so much behind its start */
};

/* What died keeps its memory: a killed process frees nothing, and nothing of it is touched again. */
static struct dead {
	struct engine *engine;
	struct work *works;
	struct dead *next;
} *dead;

static struct mem_room room;            /* of the loop's thread, as the program has it */

static struct sim {
	struct clock clock;
	struct workers workers;
	struct work *first, **end;
	int64_t work_due_ms;
	char dir[48];
	int64_t now_ms, began_ms;
	struct ep *core;
	struct transport *transport;
	struct endpoint_config endpoints[2];
	struct config config;
	struct db *db;
	struct engine *engine;
	bool woken, in_tick, late;
	int ticks;
	const char *endpoint;           /* of the next submission */
	int64_t canary;
	int submitted, hooks;
	int64_t id;                     /* what a submission came to */
	bool told;
	char said[sizeof ((struct err *)0)->msg];
} sim;

struct engine *sim_engine(void) { return sim.engine; }
struct db *sim_db(void) { return sim.db; }
const char *sim_dir(void) { return sim.dir; }
int64_t sim_now_ms(void) { return sim.now_ms; }
void sim_endpoint(const char *name) { sim.endpoint = name; }
void sim_canary(int64_t n) { sim.canary = n; }
int sim_hooks(void) { return sim.hooks; }
int64_t sim_told(void) { return !sim.told ? 0 : sim.id < 0 ? -1 : sim.id; }
void sim_work_late(bool late) { sim.late = late; }
void sim_unplug(int n) { sim_transport_unplug(sim.transport, n); }

/* --- the seams ------------------------------------------------------------------------------------ */

static int64_t fake_now(struct clock *clock)
{
	(void)clock;
	return sim.now_ms;
}

static void on_wake(void *data)
{
	(void)data;
	if (!sim.in_tick)
		sim.woken = true;
}

static void on_hook(void *data, const char *command, const char *const *variables)
{
	(void)data;
	(void)command;
	(void)variables;
	sim.hooks++;
}

static void on_submit(struct workers *workers, struct work *work)
{
	(void)workers;
	if (sim.first == NULL)
		sim.work_due_ms = sim.now_ms + WORK_MS;
	work->next = NULL;
	*sim.end = work;
	sim.end = &work->next;
	if (!sim.late)
		work->run(work);
}

/* --- start and stop ------------------------------------------------------------------------------- */

static int64_t number(const char *text)
{
	return text == NULL ? 0 : strcmp(text, "true") == 0 ? 1 : atoll(text);
}

static void endpoint_defaults(struct endpoint_config *c, const char *name)
{
#define SET_INT(field, dflt) c->field = number(dflt);
#define SET_BOOL(field, dflt) c->field = number(dflt) != 0;
#define SET_STR(field, dflt) c->field = dflt;
#define CFG(field, kind, dflt, min, max, when, help) SET_##kind(field, dflt)
	static char *const none = NULL;
	(void)none;
#include "endpoint.def"
#undef CFG
	c->name = (char *)(uintptr_t)name;
	c->base_url = "http://endpoint.test/v1";
	c->key = "sk-sim";
}

void sim_set(const struct sim_setup *s)
{
	for (int i = 0; i < 2; i++) {
		struct endpoint_config *c = &sim.endpoints[i];

		endpoint_defaults(c, i == 0 ? "sim" : s->second);
#define TAKE(field) if (s->field > 0) c->field = s->field
		TAKE(max_requests);
		TAKE(max_bytes);
		TAKE(max_active);
		TAKE(max_attempts);
		TAKE(poll_min_ms);
		TAKE(poll_max_ms);
#undef TAKE
		c->delete_remote_files = s->delete_remote_files;
		c->hold_unknown = s->hold_unknown;
	}
	sim.config = (struct config){ .workers = s->workers > 0 ? s->workers : 2, .keep_partial = true,
		.on_done = s->on_done ? "count" : NULL,
		.endpoints = sim.endpoints, .n_endpoints = s->second != NULL ? 2 : 1 };
}

void sim_reload(void)
{
	struct err err = { 0 };

	ck_assert_msg(engine_reload(sim.engine, &sim.config, &err) == 0, "%s", err.msg);
}

void sim_start(void)
{
	struct err err = { 0 };
	char *path = path_join(sim.dir, "batchd.db");
	struct engine_env env = { .clock = &sim.clock, .transport = sim.transport, .workers = &sim.workers,
		.config = &sim.config, .state_dir = sim.dir, .wake = on_wake, .hook = on_hook };

	ck_assert_msg(db_open(path, &sim.db, &err) == 0, "%s", err.msg);
	env.db = sim.db;
	ck_assert_msg(engine_open(&env, &sim.engine, &err) == 0, "%s", err.msg);
	sim.woken = true;
	free(path);
}

static void bury(void)
{
	struct dead *d = MEM_NEW(struct dead);

	*d = (struct dead){ sim.engine, sim.first, dead };
	dead = d;
}

void sim_crash(void)
{
	bury();
	sim.first = NULL;
	sim.end = &sim.first;
	sim.engine = NULL;
	sim_transport_forget(sim.transport);
	db_close(sim.db);               /* what was not committed is gone with it */
	sim.db = NULL;
}

void sim_restart(void)
{
	sim_crash();
	sim_start();
}

/* A whole line of an output file, so that nothing in it tells when and how often it was asked for. */
static void put_answer(struct buf *ret, const char *custom_id, int stage, const char *content)
{
	buf_printf(ret, "{\"id\":\"a\",\"custom_id\":\"%s\",\"stage\":%d,\"response\":{\"status_code\":200,\"request_id\":\"r\","
	           "\"body\":{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1767225600,\"model\":\"m\",\"choices\":[{"
	           "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}],\"usage\":{"
	           "\"prompt_tokens\":300,\"completion_tokens\":9,\"total_tokens\":309}}},\"error\":null}\n",
	           custom_id, stage, content);
}

/* The answers of the pipelines: those of the test first, then good ones for everybody else. */
static void put_answers(const char *path, const char *first)
{
	static const char fix[] = "```python\\n### src/mod.py\\n<<<<<<< SEARCH\\n    return n - 1\\n=======\\n    return n\\n"
		">>>>>>> REPLACE\\n```";
	struct buf text = { 0 };
	struct err err = { 0 };
	char id[48];

	buf_add_str(&text, first != NULL ? first : "");
	for (int i = 0; i < 10; i++)
		for (int k = -1; k < 3; k++) {
			if (k < 0)
				snprintf(id, sizeof id, "demo__pkg-%d", i);
			else
				snprintf(id, sizeof id, "demo__pkg-%d__pass%d", i, k);
			put_answer(&text, id, 1, "It is in\\n```\\nsrc/mod.py\\n```");
			put_answer(&text, id, 2, fix);
		}
	ck_assert_msg(file_put(path, text.at, text.len, 0600, &err) == 0, "%s", err.msg);
	buf_done(&text);
}

void sim_new(const struct sim_setup *s)
{
	struct err err = { 0 };
	char *answers, *log;

	memset(&sim, 0, sizeof sim);
	(void)mem_room_close(&room, 0, NULL);
	ck_assert_int_eq(mem_room_open(&room, TURN_ROOM, &err), 0);
	log_open(getenv("BATCHD_TEST_LOG") != NULL ? LOG_LVL_DEBUG : (enum log_level)0);
	snprintf(sim.dir, sizeof sim.dir, "%s/batchd-sim.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(sim.dir));
	answers = path_join(sim.dir, "answers.jsonl");
	log = path_join(sim.dir, "log.jsonl");
	put_answers(answers, s->answers);
	char *ep_dir = path_join(sim.dir, "endpoint");
	struct ep_options options = { .state_dir = ep_dir, .key = "sk-sim", .plan_text = s->plan, .answers = answers,
		.log = log, .delay_ms = s->delay_ms > 0 ? s->delay_ms : 3600000, .seed = 1 };

	ck_assert_msg(ep_new(&options, &sim.core, &err) == 0, "%s", err.msg);
	sim.clock.now_ms = fake_now;
	sim.now_ms = sim.began_ms = 1767225600000;
	sim.workers.submit = on_submit;
	sim.end = &sim.first;
	sim.transport = sim_transport_new(sim.core, &sim.clock);
	sim_set(s);
	sim_start();
	free(answers);
	free(log);
	free(ep_dir);
}

void sim_end(void)
{
	sim_transport_forget(sim.transport);
	bury();                         /* as it was left: the calls under way hold on to it */
	db_close(sim.db);
	sim_transport_free(sim.transport);
	ep_free(sim.core);
	dir_remove(sim.dir, NULL);
	(void)mem_room_close(&room, 0, NULL);
}

/* --- time ------------------------------------------------------------------------------------------- */

/* The next end of a task, if it is due. */
static bool step_work(void)
{
	struct work *w = sim.first;

	if (w == NULL || sim.now_ms < sim.work_due_ms)
		return false;
	sim.first = w->next;
	if (sim.first == NULL)
		sim.end = &sim.first;
	sim.work_due_ms = sim.now_ms + WORK_MS;
	if (sim.late)
		w->run(w);
	w->done(w);
	return true;
}

static void step_tick(void)
{
	sim.woken = false;
	sim.in_tick = true;
	engine_tick(sim.engine);
	sim.in_tick = false;
	ck_assert_msg(++sim.ticks < TICKS_MOST, "the engine wants to be ticked again and again and does nothing");
}

static int64_t next_ms(void)
{
	int64_t next = engine_due_ms(sim.engine), reply = sim_transport_next_ms(sim.transport);

	if (reply >= 0 && reply < next)
		next = reply;
	if (sim.first != NULL && sim.work_due_ms < next)
		next = sim.work_due_ms;
	return next;
}

/* Nothing later than `until` happens. */
static bool step_until(int64_t until)
{
	if (step_work() || sim_transport_deliver(sim.transport) > 0) {
		sim.ticks = 0;
		return true;
	}
	if (sim.woken || engine_due_ms(sim.engine) <= sim.now_ms) {
		step_tick();
		return true;
	}
	int64_t next = next_ms();
	if (next > until)
		return false;
	sim.now_ms = next;
	sim.ticks = 0;
	return true;
}

bool sim_step(void)
{
	return step_until(INT64_MAX - 1);
}

static bool out_of_time(int steps)
{
	return steps > STEPS_MOST || sim.now_ms - sim.began_ms > DAYS_MOST * INT64_C(86400000);
}

void sim_run_until_idle(void)
{
	for (int steps = 0; sim_step(); steps++)
		ck_assert_msg(!out_of_time(steps), "it never comes to rest");
}

bool sim_run_until_state(int64_t job, const char *state)
{
	for (int steps = 0; strcmp(sim_text(job, "state"), state) != 0; steps++)
		if (!sim_step() || out_of_time(steps))
			return false;
	return true;
}

void sim_set_clock(int64_t by_ms)
{
	sim.now_ms += by_ms;
	sim.woken = true;
}

void sim_run_ms(int64_t ms)
{
	int64_t until = sim.now_ms + ms;

	while (step_until(until))
		;
	sim.now_ms = until;
}

bool sim_run_until_calls(const char *call, int n)
{
	while (sim_calls_any(call) < n)
		if (!sim_step())
			return false;
	return true;
}

void sim_stop(void)
{
	for (int steps = 0; !engine_drain(sim.engine); steps++) {
		ck_assert_msg(steps < 1000, "it is never drained");
		if (!step_until(sim.now_ms + 1000))
			sim.now_ms += 1000;     /* its loop looks again by itself */
	}
	ck_assert_int_eq(sim_transport_pending(sim.transport), 0);
	ck_assert_ptr_null(sim.first);
	engine_close(sim.engine);
	db_close(sim.db);
	sim_start();
}

/* --- submitting --------------------------------------------------------------------------------------- */

static void on_submitted(void *data, int64_t id, const char *name, int64_t passes, const char *warnings,
                         const struct err *err)
{
	(void)data;
	(void)name;
	(void)passes;
	(void)warnings;
	sim.id = id;
	sim.told = true;
	snprintf(sim.said, sizeof sim.said, "%s", id < 0 ? err->msg : "");
}

static void submit_begin(const struct rollout_params *params, const char *dataset, size_t len)
{
	struct err err = { 0 };
	char *path = mem_printf("%s/upload-%d", sim.dir, ++sim.submitted);
	char *save_dir = mem_printf("%s/save-%d", sim.dir, sim.submitted);
	struct submission s = { .params = *params, .endpoint = sim.endpoint, .save_dir = save_dir, .dataset = "rows.jsonl",
		.dataset_path = path, .canary = sim.canary };

	ck_assert_int_eq(file_put(path, dataset, len, 0600, &err), 0);
	sim.told = false;
	ck_assert_msg(engine_submit(sim.engine, &s, on_submitted, NULL, &err) == 0, "%s", err.msg);
	free(path);
	free(save_dir);
}

static int64_t submit(const struct rollout_params *params, const char *dataset, size_t len)
{
	submit_begin(params, dataset, len);
	while (!sim.told)
		ck_assert_msg(sim_step(), "the submission is never answered");
	ck_assert_msg(sim.id > 0, "%s", sim.said);
	return sim.id;
}

int64_t sim_submit_requests(const char *lines)
{
	struct rollout_params params = { .workflow = "raw", .passk = 1 };

	return submit(&params, lines, strlen(lines));
}

static void raw_rows(int n, struct buf *ret)
{
	for (int i = 0; i < n; i++)
		buf_printf(ret, "{\"custom_id\":\"r-%04d\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{"
		           "\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"say %d\"}]}}\n", i, i);
}

int64_t sim_submit_raw(int n)
{
	struct buf rows = { 0 };

	raw_rows(n, &rows);
	int64_t id = sim_submit_requests(buf_str(&rows));
	buf_done(&rows);
	return id;
}

void sim_begin_submit_raw(int n)
{
	struct rollout_params params = { .workflow = "raw", .passk = 1 };
	struct buf rows = { 0 };

	raw_rows(n, &rows);
	submit_begin(&params, rows.at, rows.len);
	buf_done(&rows);
}

static void put(const char *dir, const char *name, const char *text)
{
	char *path = path_join(dir, name);
	struct err err = { 0 };

	ck_assert_msg(file_put(path, text, strlen(text), 0600, &err) == 0, "%s", err.msg);
	free(path);
}

static int64_t submit_pipeline(const char *workflow, int n, int passk)
{
	struct buf rows = { 0 };
	char *repos = path_join(sim.dir, "structures"), name[64];

	ck_assert_int_eq(dir_make(repos, 0700, NULL), 0);
	for (int i = 0; i < n; i++) {
		struct buf structure = { 0 };

		buf_printf(&rows, "{\"instance_id\":\"demo__pkg-%d\",\"repo\":\"demo/pkg\",\"base_commit\":\"c%d\","
		           "\"problem_statement\":\"limit() of module %d is off by one\"}\n", i, i, i);
		buf_printf(&structure, "{\"repo\":\"demo/pkg\",\"base_commit\":\"c%d\",\"instance_id\":\"demo__pkg-%d\","
		           "\"structure\":{\"pkg\":{\"setup.py\":{\"classes\":[],\"functions\":[],\"text\":[\"NAME = 'pkg'\"]}},"
		           "\"src\":{\"mod.py\":{\"classes\":[],\"functions\":[],\"text\":[\"import os\",\"\","
		           "\"def limit(n):\",\"    return n - 1\"]},\"other.py\":{\"classes\":[],\"functions\":[],"
		           "\"text\":[\"X = %d\"]}}}}", i, i, i);
		snprintf(name, sizeof name, "demo__pkg-%d.json", i);
		put(repos, name, buf_str(&structure));
		buf_done(&structure);
	}
	struct rollout_params params = { .workflow = workflow, .passk = passk, .model_name = "m", .has_temp = true,
		.temp = 0.5, .repostructure_dir = repos };
	int64_t id = submit(&params, rows.at, rows.len);
	buf_done(&rows);
	free(repos);
	return id;
}

int64_t sim_submit_bugfixer(int n, int passk)
{
	return submit_pipeline("bugfixer", n, passk);
}

int64_t sim_submit_testwriter(int n, int passk)
{
	return submit_pipeline("testwriter", n, passk);
}
