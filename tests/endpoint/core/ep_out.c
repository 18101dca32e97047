/* SPDX-License-Identifier: MIT */
#include "ep_out.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ep_scan.h"
#include "mem.h"

/* Where a request stands in the input file, for running them in another order. */
struct place {
	int64_t off, no;
	uint32_t len;
};

static void emit(struct out_run *run, bool good)
{
	struct ep_writer *w = good || run->one_file ? &run->out : &run->err;
	bool *begun = w == &run->out ? &run->out_begun : &run->err_begun;

	if (!*begun && run->bom)
		ep_writer_add(w, span_of("\xEF\xBB\xBF"));
	if (*begun && run->no_newline)
		ep_writer_add(w, span_of("\n"));
	*begun = true;
	ep_writer_add(w, buf_span(&run->line));
	ep_writer_add(w, span_of(run->no_newline ? "" : run->crlf ? "\r\n" : "\n"));
	if (run->blank)
		ep_writer_add(w, span_of("\n"));
}

static void bill(struct out_run *run, const struct out_line *l)
{
	struct buf *log = &run->ep->log;

	if (run->ep->log_fd < 0)
		return;
	buf_add_str(log, "{\"billed\":");
	buf_add_span(log, l->id_raw);
	buf_add_span(log, buf_span(&run->bill_tail));
	if (log->len > 1 << 20)
		ep_log_flush(run->ep);
}

static void count(struct out_run *run, const struct out_line *l)
{
	struct ep_batch *b = run->b;

	if (!out_line_good(l)) {
		b->failed++;
		return;
	}
	b->completed++;
	b->prompt += l->prompt;
	b->completion += l->completion;
	b->cached += l->cached;
	b->reasoning += l->reasoning_tokens;
}

/* An answer for one request, with what the plan does to it. */
static void run_line(struct out_run *run, struct span request, int64_t no)
{
	struct out_line l = { .no = no, .request_bytes = request.len, .status = 200, .executed = true, .billed = true,
	                      .finish = "stop" };
	bool ready = false, fitting;

	l.id_raw = scan_one(request, "custom_id");
	l.id = scan_text(l.id_raw, &run->id);
	int attempt = ep_answers_attempt(run->ep->answers, l.id, run->stage);

	if (ep_answers_find(run->ep->answers, l.id, run->stage, attempt, &run->answer))
		out_line_answer(run, &l, buf_span(&run->answer));
	for (size_t i = 0; i < run->nfaults && !ready; i++) {
		fitting = fault_hits_line(run->ep, run->faults[i], run->b, l.id);
		if (fitting)
			ready = out_line_fault(run, &l, run->faults[i]);
		if (fitting && run->faults[i]->what == DO_L_STRANGER) {
			buf_reset(&run->line);
			buf_printf(&run->line, "{\"id\":\"x\",\"custom_id\":\"stranger-%lld\",\"response\":{\"status_code\":200,"
			           "\"body\":{\"choices\":[]}},\"error\":null}", (long long)no);
			emit(run, true);
		}
	}
	if (!ready)
		out_line_print(run, &l, false);
	count(run, &l);
	if (l.billed)
		bill(run, &l);
	if (l.missing)
		return;
	emit(run, out_line_good(&l));
	if (l.duplicate) {
		l.body = (struct span){ 0 };
		out_line_print(run, &l, true);
		emit(run, out_line_good(&l));
	}
}

/* A request that was never run. */
static void rest_line(struct out_run *run, struct span request, int64_t no, const char *code)
{
	struct out_line l = { .no = no, .finish = "stop", .code = code,
	                      .message = "This request could not be executed before the completion window expired." };

	if (strcmp(code, "batch_cancelled") == 0)
		l.message = "This request was not executed: the batch was cancelled.";
	l.id_raw = scan_one(request, "custom_id");
	out_line_print(run, &l, false);
	run->b->failed++;
	emit(run, false);
}

static void run_in_order(struct out_run *run, const char *path, int64_t done, const char *rest_code)
{
	struct ep_lines lines;
	struct span line;

	if (!ep_lines_open(&lines, path))
		return;
	while (ep_lines_next(&lines, &line)) {
		if (lines.line_no <= done)
			run_line(run, line, lines.line_no);
		else if (rest_code != NULL)
			rest_line(run, line, lines.line_no, rest_code);
		else
			break;
	}
	ep_lines_close(&lines);
}

static void run_shuffled(struct out_run *run, const char *path, int64_t done, const char *rest_code)
{
	struct place *places = mem_zero((size_t)run->b->total + 1, sizeof *places);
	struct buf request = { 0 };
	struct ep_lines lines;
	struct span line;
	int64_t n = 0;

	if (!ep_lines_open(&lines, path))
		goto out;
	while (n < run->b->total && ep_lines_next(&lines, &line))
		places[n++] = (struct place){ lines.line_off, lines.line_no, (uint32_t)line.len };
	for (int64_t i = n - 1; i > 0; i--) {
		int64_t j = (int64_t)(ep_chance(run->ep) * (double)(i + 1));
		struct place other = places[i];

		places[i] = places[j];
		places[j] = other;
	}
	for (int64_t i = 0; i < n; i++) {
		buf_reset(&request);
		if (!ep_read_at(lines.fd, places[i].off, places[i].len, &request))
			break;
		if (places[i].no <= done)
			run_line(run, buf_span(&request), places[i].no);
		else if (rest_code != NULL)
			rest_line(run, buf_span(&request), places[i].no, rest_code);
	}
	ep_lines_close(&lines);
out:
	buf_done(&request);
	free(places);
}

/* What the plan has for lines of this batch.  True: in another order. */
static bool faults_gather(struct out_run *run)
{
	struct ep_plan *plan = &run->ep->plan;
	bool shuffle = false;

	run->faults = mem_zero(plan->n + 1, sizeof(struct ep_fault *));
	for (size_t i = 0; i < plan->n; i++) {
		struct ep_fault *f = &plan->at[i];

		if (!fault_for_lines(f, run->b))
			continue;
		shuffle = shuffle || f->what == DO_L_SHUFFLE;
		run->one_file = run->one_file || f->what == DO_L_ONE_FILE;
		run->crlf = run->crlf || f->what == DO_L_CRLF;
		run->blank = run->blank || f->what == DO_L_BLANK;
		run->bom = run->bom || f->what == DO_L_BOM;
		run->no_newline = run->no_newline || f->what == DO_L_NO_NEWLINE;
		run->faults[run->nfaults++] = f;
	}
	return shuffle;
}

/* The file becomes one of ours if a line is in it (or it is wanted empty); else it goes. */
static char *result_keep(struct out_run *run, struct ep_writer *w, struct ep_file *f, bool wanted)
{
	f->bytes = ep_writer_size(w);
	if (!ep_writer_close(w))
		f->bytes = 0;
	if (f->bytes == 0 && !wanted) {
		char *path = file_path(run->ep, f);

		unlink(path);
		free(path);
		if (f->serial == run->ep->last_file)
			run->ep->last_file--;
		file_free(f);
		return NULL;
	}
	f->batch = run->b->serial;
	file_keep(run->ep, f);
	state_put_file(run->ep, f);
	return mem_strdup(f->id);
}

static struct ep_file *result_start(struct out_run *run, struct ep_writer *w, char kind)
{
	char *name = mem_printf("batch_%06lld_%s.jsonl", (long long)run->b->serial, kind == 'o' ? "output" : "error");
	struct ep_file *f = file_make(run->ep, kind, name, run->now_ms);
	char *path = file_path(run->ep, f);

	ep_writer_open(w, path);
	free(path);
	free(name);
	return f;
}

static void bill_tail_make(struct out_run *run)
{
	struct jw w = { .out = &run->bill_tail };

	buf_add_str(&run->bill_tail, ",\"stage\":");
	jw_str(&w, run->b->stage);
	buf_add_str(&run->bill_tail, ",\"batch\":");
	w.comma = false;
	jw_str(&w, run->b->id);
	buf_add_str(&run->bill_tail, ",\"attempt_key\":");
	w.comma = false;
	jw_str(&w, run->b->key);
	buf_add_str(&run->bill_tail, "}\n");
}

static void run_done(struct out_run *run)
{
	buf_done(&run->line);
	buf_done(&run->answer);
	buf_done(&run->id);
	buf_done(&run->extra);
	buf_done(&run->text);
	buf_done(&run->bill_tail);
	free(run->faults);
}

void batch_run(struct ep *ep, struct ep_batch *b, int64_t done, const char *rest_code, int64_t now_ms)
{
	struct out_run run = { .ep = ep, .b = b, .stage = (int)strtol(b->stage, NULL, 10), .now_ms = now_ms };
	const struct ep_fault *empty = fault_for_batch(ep, b, DO_EMPTY_ERROR);
	bool empty_file = empty != NULL && strcmp(fault_str(empty, "value", ""), "file") == 0;
	struct ep_file *input = file_find(ep, b->input_file_id), *out, *err;
	char *path;

	if (input == NULL)
		return;                         /* deleted under way: no results */
	path = file_path(ep, input);
	b->completed = b->failed = b->prompt = b->completion = b->cached = b->reasoning = 0;
	bill_tail_make(&run);
	out = result_start(&run, &run.out, 'o');
	err = result_start(&run, &run.err, 'e');
	if (faults_gather(&run))
		run_shuffled(&run, path, done, rest_code);
	else
		run_in_order(&run, path, done, rest_code);
	b->output_file_id = result_keep(&run, &run.out, out, false);
	b->error_file_id = result_keep(&run, &run.err, err, empty_file);
	ep_log_flush(ep);
	run_done(&run);
	free(path);
}
