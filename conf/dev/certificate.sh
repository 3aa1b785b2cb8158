# certificate.sh: a certificate authority for this machine's browsers to trust
# if they like, and a server certificate from it; sourced by run. ECDSA P-256.
# Uses $state.

certificate() {
	local tls=$state/tls

	mkdir -p "$tls"
	if [[ ! -s $tls/ca.pem ]]; then
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-days 3650 -subj '/CN=Restante development CA' \
			-addext 'keyUsage=critical,keyCertSign,cRLSign' \
			-keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null || return 1
		rm -f "$tls/server.pem"
	fi
	openssl x509 -in "$tls/server.pem" -noout -checkend 2592000 >/dev/null 2>&1 &&
		return
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj '/CN=localhost' -keyout "$tls/server.key" \
		-out "$tls/server.csr" 2>/dev/null || return 1
	openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" \
		-CAkey "$tls/ca.key" -days 825 -out "$tls/server.pem" -extfile - \
		2>/dev/null <<-'X'
		basicConstraints = CA:FALSE
		keyUsage = digitalSignature
		extendedKeyUsage = serverAuth
		subjectAltName = DNS:acme.localhost, DNS:globex.localhost, DNS:restante.localhost, DNS:*.localhost, DNS:localhost, IP:127.0.0.1
		X
}
