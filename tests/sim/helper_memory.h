/* SPDX-License-Identifier: MIT */
#ifndef HELPER_MEMORY_H
#define HELPER_MEMORY_H

/* From here on FAULT_MEMORY counts what SQLite and libgit2 allocate too.  Before either of them is used, once a process. */
void count_libraries(void);

#endif
