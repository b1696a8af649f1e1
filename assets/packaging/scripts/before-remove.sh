#!/bin/sh
# Before the files of a package go: Debian's prerm and RPM's %preun. An update leaves the service running, with the
# program that it has, until the new files are all there.
set -e

case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac

[ -d /run/systemd/system ] || exit 0
if command -v deb-systemd-invoke >/dev/null; then
	deb-systemd-invoke stop castaway.service castaway-meet.service || true
else
	systemctl --no-reload disable --now castaway.service castaway-meet.service || true
fi
