#!/bin/bash
# Events of real edits are enriched from a real MediaWiki that also fails in its own ways; in
# check-all also through TLS and HTTP/2, as a proxy in front of a wiki farm has them.
# in: check all
# needs: build check cluster
set -u
BRAID_STATE=$(mktemp -d "${TMPDIR:-/tmp}/braid-fetch.XXXXXX")
export BRAID_STATE
wiki=deploy/local/mediawiki/wiki
# Below those that the system gives to clients: nobody takes it while the wiki is installed.
port=${BRAID_TEST_PORT_BASE:-19500}
export BRAID_MEDIAWIKI_EQIAD=http://127.0.0.1:$port
stop() {
    "$wiki" stop eqiad
    [ ! -s "$BRAID_STATE/tls/nginx.pid" ] || kill "$(cat "$BRAID_STATE/tls/nginx.pid")"
    rm -rf "$BRAID_STATE"
}
trap stop EXIT

give_up() { echo "FAILED: $*" >&2; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

# A front end with TLS before the wiki's own.
start_tls() {
    local dir=$BRAID_STATE/tls
    mkdir -p "$dir"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=braid-test \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
    cat >"$dir/nginx.conf" <<END
$([ "$(id -u)" != 0 ] || echo "user root;")
worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.log; events {}
http {
    log_format protocol '\$server_protocol \$host'; access_log $dir/access.log protocol;
    client_body_temp_path $dir/b; fastcgi_temp_path $dir/f; proxy_temp_path $dir/p;
    uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
    server {
        listen 127.0.0.1:$1 ssl http2; ssl_certificate $dir/cert.pem; ssl_certificate_key $dir/key.pem;
        location / { proxy_pass http://127.0.0.1:$port; proxy_set_header Host \$host; proxy_buffers 32 64k; }
    }
}
END
    nginx -c "$dir/nginx.conf" -e "$dir/nginx.log"
}

make -s build/san/integration/test_fetch || give_up "test_fetch does not build"
"$wiki" install && "$wiki" start eqiad "$port" || give_up "no wiki"
BRAID_MEDIAWIKI_CODFW='' deploy/local/edits --count 150 --quiet >/dev/null || give_up "no edits"
export TEST_TIMEOUT_S=180
plain=$(tests/run-unit build/san/integration/test_fetch) || { echo "$plain"; exit 1; }
[ "${CHECK_SUITE:-all}" = all ] || { echo "$plain"; exit 0; }
tls_port=$((port + 1))
start_tls "$tls_port" || give_up "no front end with TLS"
export BRAID_MEDIAWIKI_EQIAD=https://127.0.0.1:$tls_port BRAID_MEDIAWIKI_CA=$BRAID_STATE/tls/cert.pem
tls=$(tests/run-unit build/san/integration/test_fetch) || { echo "$tls"; exit 1; }
grep -q '^HTTP/2.0 test.wiki.localhost$' "$BRAID_STATE/tls/access.log" || give_up "no call by HTTP/2"
printf '%s\n%s\n' "$plain" "$tls" | sed '/ passed, .* skipped$/d'
printf '%s\n%s\n' "$plain" "$tls" |
    awk '/ passed, .* skipped$/ { p += $1; f += $3; s += $5 } END { printf "%d passed, %d failed, %d skipped\n", p + 1, f, s }'
