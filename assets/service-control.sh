#!/bin/sh
# What the desktop app has done as root, after one password: service-control.sh install|update|remove|start|restart|allow
# UID. It lies beside the service's own files, in a folder that root alone can change, and believes nothing of what the
# caller says but a number.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

action=$1
user=${PKEXEC_UID:-$2} # who pkexec says it was, where it says so
case $user in '' | *[!0-9]*) echo "a user is named by a number" >&2 && exit 2 ;; esac
here=$(cd "$(dirname "$0")" && pwd -P)
program=$(dirname "$here")/castaway
unit=/etc/systemd/system/castaway.service
command -v systemctl >/dev/null || { echo "this system has no systemd" >&2 && exit 1; }

# The unit of a package comes first; one of our own only where there is none.
packaged() {
	[ -e /usr/lib/systemd/system/castaway.service ] || [ -e /lib/systemd/system/castaway.service ]
}

place_files() {
	systemd-sysusers "$here/castaway.sysusers"
	[ -e /usr/bin/castaway ] || ln -sfn "$program" /usr/bin/castaway
	if packaged; then
		[ ! -L "$unit" ] || systemctl unmask castaway.service
	else
		[ ! -L "$unit" ] || rm "$unit"
		install -m 0644 "$here/castaway.service" "$unit"
	fi
	systemctl daemon-reload
	systemctl enable castaway.service
}

case $action in
install)
	place_files
	systemctl reset-failed castaway.service 2>/dev/null || true
	systemctl start castaway.service
	castaway owners add "$user"
	;;
update)
	place_files
	systemctl restart castaway.service
	;;
start | restart)
	systemctl reset-failed castaway.service 2>/dev/null || true
	systemctl "$action" castaway.service
	;;
allow) castaway owners add "$user" ;;
remove)
	# Keys, members and settings stay, as they do when a package is removed.
	systemctl disable --now castaway.service
	systemctl reset-failed castaway.service 2>/dev/null || true
	packaged || rm -f "$unit"
	[ "$(readlink /usr/bin/castaway || true)" != "$program" ] || packaged || rm -f /usr/bin/castaway
	systemctl daemon-reload
	;;
*)
	echo "unknown action: $action" >&2
	exit 2
	;;
esac
