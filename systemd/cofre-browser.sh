#!/bin/sh
# One headless Chromium for one attempt: it speaks the DevTools protocol on standard input and output, which systemd connects to a
# socket, and ends when that is closed. Its profile is thrown away. It needs no network: Cofre fetches what pages ask for.
set -u
profile=$(mktemp -d "${RUNTIME_DIRECTORY:-${TMPDIR:-/tmp}}/cofre-browser.XXXXXX") || exit 1
trap 'rm -rf "$profile"' EXIT
trap 'kill "$browser" 2>/dev/null' TERM INT
[ "$(id -u)" != 0 ] || set -- --no-sandbox "$@" # Chromium refuses to build its sandbox as root: the unit never is
exec 3<&0 4>&1 </dev/null >/dev/null
HOME=$profile XDG_CONFIG_HOME=$profile XDG_CACHE_HOME=$profile \
	"${COFRE_BROWSER:-chromium}" --headless=new --remote-debugging-pipe --user-data-dir="$profile" --disk-cache-size=1 \
	--no-first-run --no-default-browser-check --disable-gpu --disable-dev-shm-usage --disable-extensions --disable-sync --disable-breakpad \
	--disable-background-networking --disable-component-update --disable-default-apps --disable-domain-reliability --metrics-recording-only \
	--password-store=basic --disable-save-password-bubble --disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication,HttpsUpgrades,HttpsFirstBalancedMode,HttpsFirstBalancedModeAutoEnable \
	--proxy-server=127.0.0.1:9 --proxy-bypass-list='<-loopback>' --host-resolver-rules='MAP * ~NOTFOUND' "$@" \
	2>/dev/null &
browser=$!
wait "$browser"
wait "$browser" 2>/dev/null
exit 0
