/* SPDX-License-Identifier: MIT */
#ifndef LOG_H
#define LOG_H

/*
 * One line an event to stderr, with the journal's priority in front when systemd reads it
 * ($JOURNAL_STREAM), else with the time.  Only the owner of a job, a connection or the process logs; the
 * layers base, model, store, http, batchapi, config and rollout return errors instead.
 */
enum log_level { LOG_LVL_ERROR = 3, LOG_LVL_WARN = 4, LOG_LVL_NOTICE = 5, LOG_LVL_INFO = 6, LOG_LVL_DEBUG = 7 };

void log_open(enum log_level up_to);       /* what is more talkative is dropped */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)  log_at(LOG_LVL_ERROR, __VA_ARGS__)
#define log_warn(...)   log_at(LOG_LVL_WARN, __VA_ARGS__)
#define log_notice(...) log_at(LOG_LVL_NOTICE, __VA_ARGS__)
#define log_info(...)   log_at(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...)  log_at(LOG_LVL_DEBUG, __VA_ARGS__)

#endif
