# supervise.sh: keeps a handful of processes alive; sourced by run.
#
# Service NAME is started by a function run_NAME, which ends in `exec setsid`:
# its process then leads a session and a group of its own, a Ctrl-C in the
# terminal does not reach it, and what it leaves behind when it is killed
# (Kore's workers) is found by that group. $state/run/NAME.pid holds its process
# id, $state/log/NAME.log its output. A service that ends is started again:
# at once, and after up to 10 seconds if it keeps ending.
# Uses $state $lock; $stop, the exit status once somebody wants the end.

declare -A pid=() due=() delay=() born=()
services=()
shortest=100 longest=10000 settled=10000 # milliseconds

# A file nobody writes to: waiting on it sleeps without a process.
exec {silence}<> <(:)
pause() { read -r -t "$1" -u "$silence"; }

milliseconds() { now=$((${EPOCHREALTIME/[.,]/} / 1000)); }

# Ends a service for good, and what stands in its group. One that was just begun
# may have no group yet.
slay() {
	alive "$1" && kill -KILL "${pid[$1]}"
	kill -KILL -- "-${pid[$1]}"
} 2>/dev/null

alive() { [[ ${pid[$1]-} ]] && kill -0 "${pid[$1]}" 2>/dev/null; }

# Starts services that stay.
launch() {
	local name
	for name; do
		services+=("$name")
		delay[$name]=$shortest
		begin "$name"
	done
}

begin() {
	local name=$1

	"run_$name" </dev/null >>"$state/log/$name.log" 2>&1 \
		{lock}>&- {silence}>&- {tell}>&- &
	pid[$name]=$!
	unset "due[$name]"
	milliseconds
	born[$name]=$now
	started "${pid[$name]}" >"$state/run/$name.started" 2>/dev/null
	echo "${pid[$name]}" >"$state/run/.$name.pid"
	mv "$state/run/.$name.pid" "$state/run/$name.pid"
}

# A service ended: says so, clears what it left behind, sets its next start.
ended() {
	local name=$1 status how

	wait "${pid[$name]}" 2>/dev/null
	status=$?
	how="status $status"
	((status > 128)) && how="signal $((status - 128))"
	slay "$name"
	pid[$name]=
	milliseconds
	((now - born[$name] >= settled)) && delay[$name]=$shortest
	due[$name]=$((now + delay[$name]))
	say "$name ended ($how); again in ${delay[$name]} ms"
	((delay[$name] = delay[$name] * 2 > longest ? longest : delay[$name] * 2))
	[[ $name != postgres ]] || cluster_sweep
}

# One look at every service; and the place where a wish to stop is met.
beat() {
	local name

	[[ ! $stop ]] || finish "$stop"
	for name in "${services[@]}"; do
		if [[ ${pid[$name]} ]]; then
			alive "$name" || ended "$name"
			continue
		fi
		milliseconds
		((now < due[$name])) || begin "$name"
	done
}

supervise() {
	while :; do
		beat
		pause 0.1
	done
}

# Waits until each named service answers; gives up when one cannot stay up.
await() {
	local name patience=600

	for name; do
		until beat && "answers_$name"; do
			if ((--patience < 0 || delay[$name] > 3000)); then
				tail -n 20 "$state/log/$name.log" >&"$tell"
				die "$name does not come up (see $state/log/$name.log)"
			fi
			pause 0.1
		done
	done
}

# ---- the end ----------------------------------------------------------------

# end SIGNAL SECONDS name...: asks, waits, and then does not ask any more.
end() {
	local signal=$1 patience=$(($2 * 20)) name left
	shift 2

	for name; do
		alive "$name" && kill -"$signal" "${pid[$name]}"
	done
	while ((patience-- > 0 && !impatient)); do
		left=
		for name; do
			alive "$name" && left=1
		done
		[[ $left ]] || break
		pause 0.05
	done
	for name; do
		[[ ${pid[$name]-} ]] || continue
		slay "$name"
		wait "${pid[$name]}" 2>/dev/null
		pid[$name]=
		rm -f "$state/run/$name".{pid,started}
	done
}

# Drains the front, then stops what stands behind it. A second Ctrl-C hurries.
finish() {
	impatient=0
	trap 'impatient=1' INT TERM HUP
	end TERM 35 portal intake courier
	end TERM 5 keyd catcher
	end INT 20 postgres
	[[ ${pgsock-} ]] && cluster_sweep
	[[ ${short_dir-} ]] && rm -rf "$short_dir"
	rm -f "$state"/run/*.{pid,started} "$state/run/lock"
	exit "$1"
}

# ---- a supervisor before this one that was killed ----------------------------

# When a process started, in ticks since the machine did.
started() {
	local line field

	line=$(<"/proc/$1/stat") || return 1
	read -r -a field <<<"${line##*) }"
	echo "${field[19]}"
}

# Ends services that an earlier supervisor left running; true if there were any. The
# id in a pid file may meanwhile be somebody else's, who started at another time.
sweep_leftovers() {
	local file process when swept=1

	for file in "$state"/run/*.pid; do
		[[ -e $file ]] || continue
		process=$(<"$file")
		when=$(<"${file%.pid}.started")
		if [[ $when && $when == "$(started "$process")" ]]; then
			kill -KILL -- "-$process" && swept=0
		fi
		rm -f "$file" "${file%.pid}.started"
	done 2>/dev/null
	return "$swept"
}
