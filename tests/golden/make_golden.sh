#!/bin/sh
# SPDX-License-Identifier: MIT
# The database of a small real run as SQL text, tests/golden/schemaN.sql, N the newest schema.
# usage: make_golden.sh BUILD_DIR [--release]
#
# Until a schema is released, its file is made anew whenever the migration changes.  With --release it says so in its
# first line: from then on neither the file nor the migration is ever changed, and test_migrate holds one to the other.
set -eu
build=$(cd "${1:?usage: make_golden.sh BUILD_DIR [--release]}" && pwd)
word=unreleased
[ "${2:-}" != --release ] || word=released
here=$(cd "$(dirname "$0")" && pwd)
schema=$("$build/batchd" --version | sed 's/.*schema //')
version=$("$build/batchd" --version | sed 's/batchd \(.*\),.*/\1/')
out="$here/schema$schema.sql"
if head -n 1 "$out" 2>/dev/null | grep -q '^-- released'; then
	echo "$out is released: it stays as it is" >&2
	exit 1
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/batchd-golden.XXXXXX")
pids=
stop() {
	for pid in $pids; do kill "$pid" 2>/dev/null || :; wait "$pid" 2>/dev/null || :; done
	pids=
}
trap 'stop; rm -rf "$dir"' EXIT
export BATCHD_SOCKET="$dir/sock"
batchctl="$build/batchctl"
until_true() {
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "make_golden: no end: $*" >&2
	exit 1
}

python3 "$here/../demo/make_demo.py" "$dir/data" >/dev/null
endpoints=
for name in quick slow; do
	delay=100
	[ $name = quick ] || delay=86400000
	"$build/batch-endpoint" --port 0 --port_file "$dir/port_$name" --state_dir "$dir/endpoint_$name" \
		--answers "$dir/data/answers_bugfixer.jsonl" --delay_ms $delay >"$dir/$name.log" 2>&1 &
	pids="$pids $!"
	until_true test -s "$dir/port_$name"
	endpoints="$endpoints${endpoints:+,} { name = \"$name\"; base_url = \"http://127.0.0.1:$(cat "$dir/port_$name")/v1\";
		poll_min_ms = 100; poll_max_ms = 200; max_requests = 4; max_attempts = 2; }"
done
echo "state_dir = \"$dir/state\"; endpoints = ( $endpoints );" >"$dir/batchd.conf"
"$build/batchd" -c "$dir/batchd.conf" --socket "$BATCHD_SOCKET" 2>"$dir/batchd.log" &
daemon=$!
pids="$daemon $pids"
until_true "$batchctl" ping

# 1: both stages, with a pass that fails; 2: stands at the endpoint; 3: canceled
submit() {
	name=$1 endpoint=$2 to=$3
	"$batchctl" submit bugfixer --dataset "$dir/data/demo.jsonl" --repo_mirrors "$dir/data/mirrors" --model_name demo-model \
		--passk 2 --temp 0.8 --greedy_first --convert_crlf --save_dir "$dir/$name" --name "$name" --endpoint "$endpoint" \
		--start_file 0 --end_file "$to" >/dev/null
}
submit ended quick 10
"$batchctl" wait 1 >/dev/null || :
submit open slow 4
submit canceled slow 2
at_the_endpoint() { "$batchctl" status "$1" --json | grep -q '"remote_id": *"batch'; }
until_true at_the_endpoint 2
until_true at_the_endpoint 3
"$batchctl" cancel 3 --yes >/dev/null
kill $daemon
wait $daemon

python3 - "$dir" "$out" "$word" "$version" "$schema" <<'PYTHON'
import sqlite3, sys
dir, out, word, version, schema = sys.argv[1:]
db = sqlite3.connect(dir + '/state/batchd.db')
assert db.execute('PRAGMA user_version').fetchone() == (int(schema),)
text = '\n'.join(db.iterdump()).replace(dir, '/golden')
with open(out, 'w', encoding='utf-8') as file:
    file.write(f'-- {word}: schema {schema}, as batchd {version} wrote it (make_golden.sh)\n')
    file.write(f'{text}\nPRAGMA user_version = {schema};\n')
PYTHON
echo "$out: $word"
