#!/bin/sh
# Before removing, not before upgrading: deb says "remove", rpm the number of versions that stay.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now cofre.service || true
	fi
	;;
esac
