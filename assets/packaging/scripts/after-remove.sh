#!/bin/sh
# After the files of a package are gone: Debian's postrm and RPM's %postun. "remove" keeps the keys, the members and the
# settings, and the account that owns them; "purge" leaves nothing.
set -e

case "$1" in
remove | purge | 0) ;;
*) exit 0 ;;
esac

[ ! -d /run/systemd/system ] || systemctl daemon-reload || true

# The desktop app.
if [ ! -e /opt/Castaway/castaway-desktop ]; then
	profile=/etc/apparmor.d/castaway-desktop
	if [ -e "$profile" ]; then
		if apparmor_status --enabled >/dev/null 2>&1 && ! { command -v ischroot >/dev/null && ischroot; }; then
			apparmor_parser --remove "$profile" || true
		fi
		rm -f "$profile" /etc/apparmor.d/local/castaway-desktop
	fi
	! command -v update-mime-database >/dev/null || update-mime-database /usr/share/mime || true
	! command -v update-desktop-database >/dev/null || update-desktop-database -q /usr/share/applications || true
fi

# The headless package and the desktop app take each other's place: what one leaves is the other's.
[ "$1" = purge ] || exit 0
[ ! -e /usr/lib/systemd/system/castaway.service ] || exit 0

if command -v deb-systemd-helper >/dev/null; then
	deb-systemd-helper purge castaway.service castaway-meet.service >/dev/null || true
	deb-systemd-helper unmask castaway.service castaway-meet.service >/dev/null || true
fi
rm -rf /var/lib/castaway /run/castaway
# It owned nothing else, so that its number may be given to another.
if getent passwd castaway >/dev/null; then userdel castaway || true; fi
if getent group castaway >/dev/null; then groupdel castaway || true; fi
