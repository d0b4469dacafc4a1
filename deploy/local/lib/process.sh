# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# process.sh - processes of the local cluster, by name: start, look at, signal, end.
#
# $state/run/NAME holds the process id and its start time (field 22 of /proc/PID/stat), so that an
# id that was given to another program meanwhile is never signalled.
# shellcheck disable=SC2154  # state comes from deploy/local/cluster

say() { echo "cluster: $*" >&2; }

die() {
	say "$*"
	exit 1
}

log_of() { echo "$state/log/$1.log"; }

# Says what went wrong with NAME and shows the end of its log.
fail_with_log() {
	local name=$1 log
	shift
	log=$(log_of "$name")
	say "$name: $*"
	if [ -s "$log" ]; then
		echo "--- the last lines of $log" >&2
		tail -n 20 "$log" >&2
	fi
	return 1
}

# "STATE STARTTIME" of a process id; fails if there is none. A zombie of which threads are left still
# holds its sockets: "E". The program's name may hold blanks and brackets: cut up to the last one.
process_stat() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086
	set -- ${line##*) }
	if [ "$1" = Z ] && [ "${18}" -gt 1 ]; then
		echo "E ${20}"
	else
		echo "$1 ${20}"
	fi
}

# The process id of NAME, if what was started under that name still runs (a zombie does not).
process_pid() {
	local pid start stat
	{ read -r pid start <"$state/run/$1"; } 2>/dev/null || return 1
	stat=$(process_stat "$pid") || return 1
	[ "${stat#* }" = "$start" ] || return 1
	case $stat in
	Z* | X*) return 1 ;;
	esac
	echo "$pid"
}

process_is_paused() {
	local pid stat
	pid=$(process_pid "$1") || return 1
	stat=$(process_stat "$pid") || return 1
	[ "${stat%% *}" = T ]
}

# Starts a program in a session of its own, so that nothing that happens to this terminal reaches
# it. Its output goes to the log of NAME.
process_start() {
	local name=$1 pid stat
	shift
	mkdir -p "$state/run" "$state/log"
	setsid -- "$@" </dev/null >>"$(log_of "$name")" 2>&1 &
	pid=$!
	stat=$(process_stat "$pid") || stat="Z 0"
	echo "$pid ${stat#* }" >"$state/run/$name.new"
	mv "$state/run/$name.new" "$state/run/$name"
}

process_signal() {
	local pid
	if pid=$(process_pid "$1"); then
		kill -s "$2" "$pid" 2>/dev/null || true
	fi
}

# Waits until NAME has ended, for at most $2 seconds.
process_wait_end() {
	local deadline=$((SECONDS + $2))
	while process_pid "$1" >/dev/null; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.03
	done
}

# Ends NAME: by TERM, and by KILL if that takes more than $2 seconds.
process_stop() {
	process_signal "$1" CONT
	process_signal "$1" TERM
	process_wait_end "$1" "$2" || process_kill "$1"
	rm -f "$state/run/$1"
}

process_kill() {
	process_signal "$1" KILL
	process_wait_end "$1" 30 || die "$1 does not end"
}

# wait_ready NAME SECONDS COMMAND...: until COMMAND succeeds; fails with the log when the process
# has ended or the time is over.
wait_ready() {
	local name=$1 seconds=$2 deadline=$((SECONDS + $2))
	shift 2
	until "$@" >/dev/null 2>&1; do
		process_pid "$name" >/dev/null || { fail_with_log "$name" "has ended"; return 1; }
		[ $SECONDS -lt $deadline ] || { fail_with_log "$name" "is not ready after $seconds s"; return 1; }
		sleep 0.05
	done
}

port_is_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
