/* SPDX-License-Identifier: MIT */
#include "mirror.h"

#include <git2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"

enum {
	IDLE_MAX = 16, TREE_MAX_DEPTH = 256, PATHS_MAX = 128 << 20,
	TEXT_ROOM = 64, ENTRY_ROOM = 160,       /* for each byte of a text (a line may have one), for each entry of a directory */
};
enum { TREE_CACHED_BYTES = 256 << 10, CACHE_BYTES = 16 << 20 };         /* of libgit2 */

struct mirror {
	struct mirror *next;            /* among the idle */
	git_repository *git;
	git_odb *odb;
	char *path;
	dev_t dev;                      /* of path when it was opened: another one there now is another mirror */
	ino_t ino;
	git_oid *oids;                  /* of the files listed last */
	size_t count, cap;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mirror *idle;             /* the one used last first; under lock, as is idle_count */
static int idle_count;

static void git_ready(void)
{
	git_libgit2_init();
	/* A daemon reads mirrors that belong to others, and nobody's settings. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_SYSTEM, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, "");
	/* Directories that a later commit has too are not read again; the usual limit of 4 KB leaves the large ones out. */
	git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_TREE, (size_t)TREE_CACHED_BYTES);
	git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CACHE_BYTES);
	/* What is read has zlib's checksum; SHA-1 over it besides takes longer than all the rest. */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
}

void mirror_git_ready(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, git_ready);
}

static int git_err(struct err *err, int code, const char *what, const char *of)
{
	const git_error *e = git_error_last();

	if (e != NULL && e->klass == GIT_ERROR_NOMEMORY)
		code = BD_ENOMEM;
	return err_set(err, code, "%s %s: %s", what, of, e != NULL && e->message != NULL ? e->message : "?");
}

/* --- which folder, and the repository in it -------------------------------------------- */

/* One half of "owner/name": a plain file name, since rows of a dataset say it. */
static bool is_plain(const char *s, size_t n)
{
	if (n == 0 || n > 200 || s[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '/' || (unsigned char)s[i] < 0x20)
			return false;
	return true;
}

static char *find_path(const char *mirrors, const char *name, struct stat *st)
{
	static const char *const joints[] = { "__", "/", "+" };
	static const char *const ends[] = { "", ".git", "/repo" };
	const char *slash = strchr(name, '/');

	for (size_t i = 0; i < sizeof joints / sizeof joints[0]; i++) {
		for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
			char *path = mem_printf("%s/%.*s%s%s%s", mirrors, (int)(slash - name), name, joints[i],
			                        slash + 1, ends[k]);
			char *head = mem_printf("%s/HEAD", path), *inside = mem_printf("%s/.git", path);
			struct stat s;
			bool there = stat(path, st) == 0 && S_ISDIR(st->st_mode) &&
			             (stat(head, &s) == 0 || stat(inside, &s) == 0);

			free(head);
			free(inside);
			if (there)
				return path;
			free(path);
		}
	}
	return NULL;
}

static void mirror_free(struct mirror *m)
{
	git_odb_free(m->odb);
	git_repository_free(m->git);
	free(m->path);
	free(m->oids);
	free(m);
}

/* An idle one of that folder, if the same folder is still there. */
static struct mirror *take_idle(const char *path, const struct stat *st)
{
	struct mirror *m;

	pthread_mutex_lock(&lock);
	for (struct mirror **at = &idle; (m = *at) != NULL; at = &m->next) {
		if (strcmp(m->path, path) != 0 || m->dev != st->st_dev || m->ino != st->st_ino)
			continue;
		*at = m->next;
		idle_count--;
		break;
	}
	pthread_mutex_unlock(&lock);
	return m;
}

int mirror_open(const char *mirrors, const char *name, struct mirror **ret, struct err *err)
{
	const char *slash = strchr(name, '/');
	struct mirror *m;
	struct stat st;
	char *path;

	if (slash == NULL || !is_plain(name, (size_t)(slash - name)) || !is_plain(slash + 1, strlen(slash + 1)))
		return err_set(err, BD_EINVALID, "\"%.200s\" is no owner/name of a repository", name);
	mirror_git_ready();
	path = find_path(mirrors, name, &st);
	if (path == NULL)
		return err_set(err, BD_ENOTFOUND, "no mirror of %s in %s (looked for %.*s__%s, %s, each with .git)",
		               name, mirrors, (int)(slash - name), name, slash + 1, name);
	m = take_idle(path, &st);
	if (m == NULL) {
		m = MEM_NEW(struct mirror);
		m->path = mem_strdup(path);
		m->dev = st.st_dev;
		m->ino = st.st_ino;
		if (git_repository_open_ext(&m->git, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) < 0 ||
		    git_repository_odb(&m->odb, m->git) < 0) {
			int rc = git_err(err, BD_EIO, "cannot open the mirror", path);

			mirror_free(m);
			free(path);
			return rc;
		}
	}
	free(path);
	*ret = m;
	return 0;
}

void mirror_close(struct mirror *m)
{
	struct mirror **at, *over = NULL;

	if (m == NULL)
		return;
	pthread_mutex_lock(&lock);
	m->next = idle;
	idle = m;
	if (++idle_count > IDLE_MAX) {          /* the one that was not used for longest goes */
		for (at = &idle; (*at)->next != NULL; at = &(*at)->next)
			;
		over = *at;
		*at = NULL;
		idle_count--;
	}
	pthread_mutex_unlock(&lock);
	if (over != NULL)
		mirror_free(over);
}

const char *mirror_path(const struct mirror *m)
{
	return git_repository_commondir(m->git);
}

/* --- listing --------------------------------------------------------------------------- */

struct walk {
	struct mirror *m;
	struct repo_index *to;
	struct buf dir;
	struct err *err;
};

static void add_file(struct walk *w, const git_tree_entry *e)
{
	struct mirror *m = w->m;
	struct repo_file *f = repo_index_add(w->to, buf_span(&w->dir), span_of(git_tree_entry_name(e)));

	if (m->count == m->cap) {
		m->cap = m->cap > 0 ? m->cap * 2 : 1024;
		m->oids = mem_grow(m->oids, m->cap, sizeof *m->oids);
	}
	m->oids[m->count] = *git_tree_entry_id(e);
	f->off = (int64_t)m->count++;
	f->len = 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(git_tree_entry_name(*(const git_tree_entry *const *)a),
	              git_tree_entry_name(*(const git_tree_entry *const *)b));
}

static int walk_tree(struct walk *w, const git_oid *oid, int depth)
{
	const git_tree_entry **dirs = NULL;
	size_t len = w->dir.len, n_dirs = 0, count;
	git_tree *tree = NULL;
	int rc = 0;

	if (depth > TREE_MAX_DEPTH)
		return err_set(w->err, BD_EINVALID, "directories nested too deeply in the mirror %s", w->m->path);
	if (w->to->names.len > PATHS_MAX)       /* a few trees can name each other into billions of files */
		return err_set(w->err, BD_EINVALID, "too many files in the mirror %s", w->m->path);
	if (git_tree_lookup(&tree, w->m->git, oid) < 0)
		return git_err(w->err, BD_EIO, "cannot read a directory of", w->m->path);
	count = git_tree_entrycount(tree);
	rc = mem_room_ask(count * ENTRY_ROOM + 3 * (w->to->names.cap + w->to->cap * (sizeof *w->to->files + sizeof *oid)), w->err);
	if (rc < 0) {
		git_tree_free(tree);
		return rc;
	}
	dirs = mem_alloc(count * sizeof(void *));
	for (size_t i = 0; i < count; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);
		git_filemode_t mode = git_tree_entry_filemode(e);

		if (mode == GIT_FILEMODE_TREE)
			dirs[n_dirs++] = e;
		else if (mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE)
			add_file(w, e);
	}
	qsort(dirs, n_dirs, sizeof *dirs, by_name);     /* git sorts them as if they ended with '/' */
	for (size_t i = 0; i < n_dirs && rc == 0; i++) {
		if (len > 0)
			buf_add_char(&w->dir, '/');
		buf_add_str(&w->dir, git_tree_entry_name(dirs[i]));
		rc = walk_tree(w, git_tree_entry_id(dirs[i]), depth + 1);
		w->dir.len = len;
	}
	free(dirs);
	git_tree_free(tree);
	return rc;
}

int mirror_list(struct mirror *m, const char *commit, struct repo_index *ret, struct err *err)
{
	struct walk w = { .m = m, .to = ret, .err = err };
	git_object *what = NULL;
	git_tree *tree = NULL;
	int rc;

	m->count = 0;
	if (git_revparse_single(&what, m->git, commit) < 0 ||
	    git_object_peel((git_object **)&tree, what, GIT_OBJECT_TREE) < 0) {
		const git_error *e = git_error_last();

		if (e != NULL && e->klass == GIT_ERROR_NOMEMORY)
			rc = git_err(err, BD_ENOMEM, "cannot look into the mirror", m->path);
		else
			rc = err_set(err, BD_ENOTFOUND, "no commit %.100s in the mirror %s", commit, m->path);
	} else {
		rc = walk_tree(&w, git_tree_id(tree), 0);
	}
	git_tree_free(tree);
	git_object_free(what);
	buf_done(&w.dir);
	return rc;
}

int mirror_read(struct mirror *m, const struct repo_file *file, struct buf *ret, struct err *err)
{
	git_odb_object *o = NULL;

	if (git_odb_read(&o, m->odb, &m->oids[file->off]) < 0)
		return git_err(err, BD_EIO, "cannot read from the mirror", m->path);
	int rc = mem_room_ask(TEXT_ROOM * git_odb_object_size(o), err);
	if (rc == 0)
		buf_add(ret, git_odb_object_data(o), git_odb_object_size(o));
	git_odb_object_free(o);
	return rc;
}
