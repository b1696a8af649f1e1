#!/bin/sh
# After the files of a package are there: Debian's postinst and RPM's %post, of the desktop app and of the headless
# package alike. Debian says "configure" and the version that was there before, RPM how many there are now.
# (electron-builder fills in what stands in braces behind a dollar sign, so nothing here does, but with ":-" in it.)
set -e

case "$1" in
configure) first=$([ -n "$2" ] && echo no || echo yes) ;;
1) first=yes ;;
[2-9] | abort-upgrade | abort-remove | abort-deconfigure) first=no ;;
*) exit 0 ;;
esac

# The service's account.
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers castaway.conf
elif ! getent passwd castaway >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/castaway --no-create-home --shell /usr/sbin/nologin castaway
fi

# The service starts with the computer, unless somebody has said otherwise since. The meeting point does not, until
# somebody says so.
if command -v deb-systemd-helper >/dev/null; then
	deb-systemd-helper unmask castaway.service >/dev/null || true
	if deb-systemd-helper --quiet was-enabled castaway.service; then
		deb-systemd-helper enable castaway.service >/dev/null || true
	else
		deb-systemd-helper update-state castaway.service >/dev/null || true
	fi
	deb-systemd-helper update-state castaway-meet.service >/dev/null || true
elif [ "$first" = yes ] && command -v systemctl >/dev/null; then
	systemctl --no-reload enable castaway.service || true
fi

# A daemon that is replaced leaves the TUN device as it is, and tells its clients that it will be back.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	act=$([ "$first" = yes ] && echo start || echo restart)
	meet=$(systemctl --quiet is-active castaway-meet.service && echo castaway-meet.service || true)
	# deb-systemd-invoke asks policy-rc.d, and leaves a service that was disabled alone.
	if command -v deb-systemd-invoke >/dev/null; then
		deb-systemd-invoke "$act" castaway.service || true
		[ -z "$meet" ] || deb-systemd-invoke restart "$meet" || true
	else
		[ "$first" = no ] || systemctl start castaway.service || true
		[ "$first" = yes ] || systemctl try-restart castaway.service castaway-meet.service || true
	fi
fi

# Who installs it by sudo or pkexec wants to use it: that user may drive the daemon without either. Only the first time,
# so that nobody gets back what was taken away.
user=${SUDO_UID:-${PKEXEC_UID:-}}
if [ "$first" = yes ] && [ "${user:-0}" != 0 ] && [ -d /run/systemd/system ]; then
	! systemctl --quiet is-active castaway.service || castaway owners add "$user" >/dev/null || true
fi

# The desktop app. What follows does what electron-builder's own script would.
app=/opt/Castaway
[ -x "$app/castaway-desktop" ] || exit 0

# Chromium's sandbox has user namespaces, or else a helper that is root's.
if [ -L /proc/self/ns/user ] && unshare --user true 2>/dev/null; then
	chmod 0755 "$app/chrome-sandbox" || true
else
	chmod 4755 "$app/chrome-sandbox" || true
fi

# Ubuntu since 24.04 grants user namespaces by AppArmor profile. Older versions of it cannot read this one, and need none.
profile=$app/resources/apparmor-profile
if apparmor_status --enabled >/dev/null 2>&1 && apparmor_parser --skip-kernel-load "$profile" >/dev/null 2>&1; then
	cp -f "$profile" /etc/apparmor.d/castaway-desktop
	chmod 0644 /etc/apparmor.d/castaway-desktop
	if ! { command -v ischroot >/dev/null && ischroot; }; then
		apparmor_parser --replace --write-cache --skip-read-cache /etc/apparmor.d/castaway-desktop || true
	fi
fi

# castaway:// links.
! command -v update-mime-database >/dev/null || update-mime-database /usr/share/mime || true
! command -v update-desktop-database >/dev/null || update-desktop-database -q /usr/share/applications || true
