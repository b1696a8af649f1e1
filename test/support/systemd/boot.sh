#!/bin/bash
# boot.sh UNITS PROGRAM ACCOUNT: starts systemd with these units and no others. What a unit may write lies in memory;
# PROGRAM is /run/castaway-program; ACCOUNT is there as castaway.sysusers would have made it.
set -e
units=$1 program=$2 account=$3
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
touch /run/castaway-program
mount --bind "$program" /run/castaway-program
cp -r "$units" /run/units
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
cp /etc/passwd /etc/group /run/
grep -q "^$account:" /run/passwd || echo "$account:x:64199:64199::/nonexistent:/usr/sbin/nologin" >>/run/passwd
grep -q "^$account:" /run/group || echo "$account:x:64199:" >>/run/group
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
# As udev leaves it (50-udev-default.rules).
mknod -m 666 /run/tun c 10 200
mount --bind /run/tun /dev/net/tun
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t cgroup2 none /sys/fs/cgroup
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other SYSTEMD_UNIT_PATH=/run/units \
	/lib/systemd/systemd --system --unit=castaway-test.target --show-status=no --log-target=console \
	--default-standard-output=inherit
