#!/bin/sh
# SPDX-License-Identifier: MIT
# A run from the dataset to patches, against the local endpoint, which misbehaves a little (plan_*.jsonl).
# usage: run.sh BUILD_DIR [bugfixer|testwriter]...      keeps its results in a new directory under ${TMPDIR:-/tmp}
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD_DIR [WORKFLOW]...}" && pwd)
shift
[ $# -gt 0 ] || set -- bugfixer
for need in python3 git; do
	command -v $need >/dev/null || { echo "demo: $need is missing" >&2; exit 1; }
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/batchd-demo.XXXXXX")
pids=
export BATCHD_SOCKET="$dir/batchd.sock"
unset BATCHD_CRASH_AT BATCHD_STEPS_FILE
batchctl="$build/batchctl"

stop() {        # what was started here, the last one first
	for pid in $pids; do kill "$pid" 2>/dev/null || :; done
	for pid in $pids; do wait "$pid" 2>/dev/null || :; done
	pids=
}
fail() {
	echo "demo: $*" >&2
	echo "demo: logs are in $dir" >&2
	for log in "$dir"/*.log; do
		[ ! -s "$log" ] || { echo "--- $log" >&2; tail -n 15 "$log" >&2; }
	done
	exit 1
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

until_true() {  # until_true WHAT COMMAND...: within 10 s
	what=$1; shift
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	fail "$what did not come up"
}

python3 "$here/make_demo.py" "$dir/data"

endpoints=
for workflow; do
	"$build/batch-endpoint" --port 0 --port_file "$dir/port_$workflow" --state_dir "$dir/endpoint_$workflow" \
		--key demo-key --answers "$dir/data/answers_$workflow.jsonl" --plan "$dir/data/plan_$workflow.jsonl" \
		--log "$dir/endpoint_$workflow.jsonl" --delay_ms 1000 >"$dir/endpoint_$workflow.log" 2>&1 &
	pids="$! $pids"
	until_true "the endpoint" test -s "$dir/port_$workflow"
	[ -z "$endpoints" ] || endpoints="$endpoints,"
	endpoints="$endpoints
	{ name = \"$workflow\"; base_url = \"http://127.0.0.1:$(cat "$dir/port_$workflow")/v1\"; api_key_file = \"$dir/key\";
	  max_requests = 4; max_active = 3; poll_min_ms = 200; poll_max_ms = 1000; grace_ms = 1000; max_attempts = 4; }"
done
(umask 077; echo demo-key >"$dir/key")
cat >"$dir/batchd.conf" <<CONF
state_dir = "$dir/state";
endpoints = ($endpoints
);
CONF

"$build/batchd" -c "$dir/batchd.conf" --socket "$BATCHD_SOCKET" >"$dir/batchd.log" 2>&1 &
pids="$! $pids"
until_true batchd "$batchctl" ping

for workflow; do
	save="$dir/$workflow"
	"$batchctl" submit "$workflow" --dataset "$dir/data/demo.jsonl" --repo_mirrors "$dir/data/mirrors" --save_dir "$save" \
		--model_name demo-model --passk 2 --temp 0.8 --greedy_first --convert_crlf \
		--endpoint "$workflow" --name "demo-$workflow" \
		>"$dir/id" || fail "submit $workflow failed"
	job=$(head -n 1 "$dir/id")
	echo "job $job: $workflow, 5 instances, 2 passes each"
	status=0
	"$batchctl" status "$job" --watch || status=$?
	[ $status -eq 1 ] || fail "watching the job ended with $status, not with 1: one pass of the demo fails"
	status=0
	"$batchctl" wait "$job" >/dev/null || status=$?
	[ $status -eq 1 ] || fail "waiting for the job ended with $status, not with 1"
	"$batchctl" audit "$job" || fail "the audit does not add up"
	python3 "$here/check_demo.py" "$dir/data" "$save" "$workflow" "$dir/endpoint_$workflow.jsonl" ||
		fail "the results are not what they should be"
done

for workflow; do
	echo
	echo "The samples of $workflow are in $dir/$workflow/samples; one of them:"
	echo
	if [ "$workflow" = bugfixer ]; then
		cat "$dir/$workflow/samples/demo__calc-1__pass0.patch"
	else
		cat "$dir/$workflow/samples/demo__calc-1__pass0.py"
	fi
done
echo
echo "All of it, with the logs: $dir (remove it when you like)"
