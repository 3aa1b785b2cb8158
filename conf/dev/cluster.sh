# cluster.sh: the private PostgreSQL cluster of one $state; sourced by run.
# Uses $top $state $short; sets $pgsock (the socket's directory).

pgbin=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to run as root: there it runs as the package's own user.
as_postgres() {
	if ((EUID)); then
		"$@"
	else
		setpriv --reuid=postgres --regid=postgres --init-groups "$@"
	fi
}

# Finds or makes room for data (pg) and socket (sock), both seen from $state.
# Where user postgres cannot come, they lie under /var/lib/restante.
cluster_place() {
	local home=$state dir

	if [[ ! -e $state/pg ]]; then
		if ! as_postgres test -x "$state"; then
			dir=/var/lib/restante
			mkdir -p -m 755 "$dir"
			home=$dir/$(sha256sum <<<"$state" | cut -c 1-12)
			[[ -e $home ]] && home=$(mktemp -d "$home.XXXXXX")
		fi
		for dir in pg sock; do
			mkdir -p "$home/$dir"
			((EUID)) || chown postgres: "$home/$dir"
			[[ $home == "$state" ]] || ln -sfn "$home/$dir" "$state/$dir"
		done
		[[ $home == "$state" ]] || chmod 755 "$home"
		chmod 755 "$home/sock"
	fi
	pgsock=$(realpath "$state/sock")
	((${#pgsock} < 85)) || pgsock=$short/sock
}

# Segments of the log whose blocks are there, as in any cluster that has run for a
# while and uses its old ones again: in a new file each commit also waits until
# the file system has written where its blocks are.
cluster_prime() {
	local log n

	log=$(realpath "$state/pg")/pg_wal
	(($(df --output=avail -B 1M "$log" | tail -1) > 4096)) || return 0
	for n in {2..9}; do
		as_postgres dd if=/dev/zero bs=1M count=16 status=none \
			of="$log/00000001000000000000000$n" || return 1
	done
}

cluster_configure() {
	local data=$state/pg user role

	if [[ ! -e $data/PG_VERSION ]]; then
		find "$data/" -mindepth 1 -delete
		as_postgres "$pgbin/initdb" --pgdata="$(realpath "$data")" \
			--username=postgres --auth=peer --encoding=UTF8 \
			--locale=C.UTF-8 --data-checksums || return 1
		cluster_prime || return 1
	fi
	cp "$top/conf/postgresql/postgresql.conf" "$data/postgresql.conf"
	cp "$top/conf/postgresql/pg_hba.conf" "$data/pg_hba.conf"
	for user in $(printf '%s\n' "$(id -un)" root postgres | sort -u); do
		for role in postgres restante_{portal,intake,courier,ctl}; do
			echo "restante  $user  $role"
		done
	done >"$data/pg_ident.conf"
	((EUID)) || chown postgres: "$data"/{postgresql,pg_hba,pg_ident}.conf
}

# Ends whatever an earlier postmaster left behind, and its stale lock file:
# only then are data directory and socket surely nobody's.
cluster_sweep() {
	local data process signal

	data=$(realpath "$state/pg")
	for signal in QUIT KILL KILL; do
		local left=0
		for process in /proc/[0-9]*; do
			[[ $(readlink "$process/cwd" 2>/dev/null) == "$data" ]] || continue
			left=1
			kill -"$signal" "${process#/proc/}" 2>/dev/null
		done
		((left)) || break
		sleep 0.2
	done
	rm -f "$data/postmaster.pid" "$state"/sock/.s.PGSQL.*
}

run_postgres() {
	cd / || exit 1
	if ((EUID)); then
		exec setsid "$pgbin/postgres" -D "$(realpath "$state/pg")" -k "$pgsock"
	fi
	exec setsid setpriv --reuid=postgres --regid=postgres --init-groups \
		"$pgbin/postgres" -D "$(realpath "$state/pg")" -k "$pgsock"
}

# psql as the superuser; quiet, and an error ends it.
superuser() {
	psql -X -q -v ON_ERROR_STOP=1 -h "$pgsock" -U postgres "$@"
}
