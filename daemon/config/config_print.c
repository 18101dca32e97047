/* SPDX-License-Identifier: MIT */
/* The tables as documents: the example file and the manual page. */
#include "config_table.h"

#include <inttypes.h>
#include <string.h>

#define COLUMNS 100

/* Words of text as comment lines of at most COLUMNS. */
static void comment_print(struct buf *out, const char *indent, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (column != 0 && column + 1 + word > COLUMNS) {
			buf_add_char(out, '\n');
			column = 0;
		}
		if (column == 0) {
			buf_printf(out, "%s#", indent);
			column = strlen(indent) + 1;
		}
		buf_add_char(out, ' ');
		buf_add(out, text, word);
		column += 1 + word;
		text += word;
		text += strspn(text, " ");
	}
	buf_add_char(out, '\n');
}

/* `name = default;`, or an empty text where nothing is set. */
static void setting_print(struct buf *out, const char *indent, const struct cfg_setting *s)
{
	const char *quote = s->kind == CFG_STR ? "\"" : "";

	comment_print(out, indent, s->help);
	buf_printf(out, "%s#%s = %s%s%s;\n", indent, s->name, quote, s->dflt != NULL ? s->dflt : "", quote);
}

void config_print_example(struct buf *ret)
{
	buf_add_str(ret,
		"# batchd.conf: all settings with their defaults; see batchd.conf(5).\n"
		"# A line that is commented out shows the default (\"\": not set). `batchd -c FILE -n` checks a file.\n\n");
	for (size_t i = 0; i < config_table.n; i++) {
		setting_print(ret, "", &config_table.at[i]);
		buf_add_char(ret, '\n');
	}
	buf_add_str(ret, "# At least one endpoint; more are separated by commas.\nendpoints = (\n\t{\n");
	for (size_t i = 0; i < endpoint_table.n; i++) {
		const struct cfg_setting *s = &endpoint_table.at[i];

		if (i != 0)
			buf_add_char(ret, '\n');
		if (strcmp(s->name, "name") == 0) {
			comment_print(ret, "\t\t", s->help);
			buf_add_str(ret, "\t\tname = \"openai\";\n");
		} else {
			setting_print(ret, "\t\t", s);
		}
	}
	buf_add_str(ret, "\t}\n);\n");
}

/* Help as mdoc text: nothing of it may be read as a request or an escape. */
static void man_text(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			buf_add_str(out, "\\e");
		else if (*text == '`' || *text == '~')
			buf_add_str(out, *text == '`' ? "\\(ga" : "\\(ti");
		else
			buf_add_char(out, *text);
	}
	buf_add_char(out, '\n');
}

static void man_setting(struct buf *out, const struct cfg_setting *s)
{
	static const char *const kinds[] = { "number", "true | false", "text" };

	buf_printf(out, ".It Ic %s No = Ar %s\n", s->name, kinds[s->kind]);
	man_text(out, s->help);
	if (s->dflt != NULL)
		buf_printf(out, "Default:\n.Li \"%s\" .\n", s->dflt);
	if (s->kind == CFG_INT)
		buf_printf(out, "From %" PRId64 " to %" PRId64 ".\n", s->min, s->max);
	if (strcmp(s->when, "RESTART") == 0)
		buf_add_str(out, "A change takes effect when batchd is started again.\n");
}

static void man_table(struct buf *out, const struct cfg_table *table)
{
	buf_add_str(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < table->n; i++)
		man_setting(out, &table->at[i]);
	buf_add_str(out, ".El\n");
}

void config_print_man(struct buf *ret)
{
	buf_add_str(ret,
		".\\\" Made from daemon/config/*.def; do not edit.\n"
		".Dd January 1, 2026\n.Dt BATCHD.CONF 5\n.Os\n"
		".Sh NAME\n.Nm batchd.conf\n.Nd settings of batchd\n"
		".Sh DESCRIPTION\n"
		"The file that\n.Xr batchd 8\nreads with\n.Fl c .\n"
		"A setting is written\n.Ql name = value;\n"
		"where a value is a text in double quotes, a whole number, or true or false;\n"
		"a comment starts with\n.Ql # .\n"
		"An unknown name, a wrong type or a value out of range is an error with file and line.\n"
		"Sent a SIGHUP, batchd reads the file again; a file with an error then changes nothing.\n"
		".Pp\n"
		"Without\n.Fl c\n.Pa ~/.config/batchd/batchd.conf\nis read, by root\n.Pa /etc/batchd/batchd.conf\nif it is there.\n"
		"With no file, batchd runs for the user who started it: state in\n.Pa $XDG_STATE_HOME/batchd ,\n"
		"one endpoint named openai with the key in\n.Ev OPENAI_API_KEY\n"
		"and, if set, the address in\n.Ev OPENAI_BASE_URL .\n"
		".Ss Settings of the daemon\n");
	man_table(ret, &config_table);
	buf_add_str(ret,
		".Ss Settings of an endpoint\n"
		"They stand in the groups of the list\n.Ic endpoints ;\nthere is at least one.\n");
	man_table(ret, &endpoint_table);
	buf_add_str(ret,
		".Sh EXAMPLES\n.Bd -literal -offset indent\n"
		"endpoints = (\n"
		"    { name = \"openai\"; api_key_file = \"/etc/batchd/openai.key\"; },\n"
		"    { name = \"local\"; base_url = \"http://127.0.0.1:8000/v1\"; max_active = 2; }\n"
		");\n.Ed\n"
		".Sh SEE ALSO\n.Xr batchctl 1 ,\n.Xr batchd 8\n");
}
