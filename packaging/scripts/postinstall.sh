#!/bin/sh
# After installing or upgrading. Nothing is started: a new node needs its configuration first, and nodes of a cluster are
# upgraded one at a time, by a person or a tool that looks at the quorum in between.
set -e
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers cofre.conf
	systemd-tmpfiles --create cofre.conf || true
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	if systemctl is-active --quiet cofre.service; then
		echo "cofre: the running daemon is the old version. When the other nodes are healthy: systemctl restart cofre"
	fi
fi
