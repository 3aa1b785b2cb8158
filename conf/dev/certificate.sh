#!/usr/bin/env bash
# certificate.sh: a certificate authority for this machine's browsers to trust if
# they like, and certificates from it; sourced by run, or called by hand:
#
#   conf/dev/certificate.sh host...    certificates for more hosts; then
#                                      kill -HUP of portal.pid and intake.pid
#
# Each host has an ECDSA P-256 and an RSA pair in $STATE/tls/hosts/<host>/.
# They live a year and a month, as the public authorities' may, and are made anew by
# the runner a month before their end.

# sign CHAIN KEY NAME KIND SAN: both files, unless they are there and good for a
# month more. Each appears whole, the key first.
sign() {
	local chain=$1 key=$2 name=$3 kind=$4 san=$5 tls=$state/tls
	local new=(ec -pkeyopt ec_paramgen_curve:P-256)

	[[ $kind == rsa ]] && new=(rsa:2048)
	openssl x509 -in "$chain" -noout -checkend 2592000 >/dev/null 2>&1 &&
		openssl verify -CAfile "$tls/ca.pem" "$chain" >/dev/null 2>&1 &&
		return
	openssl req -new -newkey "${new[@]}" -nodes -subj "/CN=$name" \
		-keyout "$key.new" -out "$chain.csr" 2>/dev/null || return 1
	openssl x509 -req -in "$chain.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" \
		-set_serial "0x$(openssl rand -hex 16)" -sha256 -days 397 \
		-out "$chain.new" -extfile - 2>/dev/null <<-X || return 1
		basicConstraints = critical, CA:FALSE
		keyUsage = critical, digitalSignature
		extendedKeyUsage = serverAuth
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
		subjectAltName = $san
	X
	rm "$chain.csr"
	chmod 600 "$key.new"
	mv "$key.new" "$key"
	mv "$chain.new" "$chain"
}

authority() {
	local tls=$state/tls

	mkdir -p "$tls/hosts"
	openssl x509 -in "$tls/ca.pem" -noout -checkend 7776000 >/dev/null 2>&1 &&
		return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-sha256 -days 3650 -subj '/CN=Restante development CA' \
		-addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' \
		-keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null
}

# certificate_host HOST: both pairs of one host.
certificate_host() {
	local dir=$state/tls/hosts/$1

	mkdir -p "$dir"
	sign "$dir/fullchain.pem" "$dir/privkey.pem" "$1" ecdsa "DNS:$1" &&
		sign "$dir/fullchain-rsa.pem" "$dir/privkey-rsa.pem" "$1" rsa "DNS:$1"
}

# The default pairs, shown to whoever names no host of ours, and the demo hosts'.
certificate() {
	local tls=$state/tls host
	local names='DNS:localhost, DNS:*.localhost, DNS:restante.localhost'

	for host in acme.localhost globex.localhost; do
		names+=", DNS:$host"
	done
	names+=', IP:127.0.0.1, IP:::1'
	authority || return 1
	sign "$tls/server.pem" "$tls/server.key" localhost ecdsa "$names" &&
		sign "$tls/server-rsa.pem" "$tls/server-rsa.key" localhost rsa "$names" &&
		certificate_host acme.localhost && certificate_host globex.localhost
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	set -u
	umask 077
	state=$(realpath -m "${STATE:-$(dirname "$0")/../../var}")
	[[ -s $state/tls/ca.key ]] || {
		echo "no authority under $state/tls: start the installation once" >&2
		exit 1
	}
	for host; do
		[[ $host =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]] || {
			echo "not a host name: $host" >&2
			exit 1
		}
		certificate_host "$host" || exit 1
		echo "$state/tls/hosts/$host"
	done
fi
