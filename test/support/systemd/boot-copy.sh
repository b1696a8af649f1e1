#!/bin/bash
# boot-copy.sh FILES: starts systemd on a copy of this computer: all that is on its disk, with what changes kept in memory,
# and without the services that run here. dpkg, its database and the maintainer scripts work there as they would here.
# FILES is a folder that is /files there; what has changed is in /run/changes, as overlayfs keeps it.
set -e
files=$1
mount --make-rprivate /
space=$(mktemp -d)
mount -t tmpfs -o mode=755,size=3g tmpfs "$space"
mkdir "$space/upper" "$space/work" "$space/root"
# volatile: nothing of it outlives the machine's memory, so that nothing waits for a disk.
mount -t overlay -o "lowerdir=/,upperdir=$space/upper,workdir=$space/work,volatile" overlay "$space/root"
cd "$space/root"

mkdir -p files
mount --bind "$files" files
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/changes
mount --bind "$space/upper" run/changes
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/net dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "net/tun 10 200"; do
	set -- $node
	mknod -m 666 "dev/$1" c "$2" "$3"
done

# Of the services that are installed here none is to start. What a unit with default dependencies refers to is there, bare.
rm -rf etc/systemd/system usr/lib/systemd/system/*.wants usr/lib/systemd/system/*.requires usr/sbin/policy-rc.d
mkdir -p etc/systemd/system
# What a service says is in /run/NAME.log, so that a failure shows it.
mkdir etc/systemd/system/service.d
printf '[Service]\nStandardOutput=append:/run/%%N.log\nStandardError=append:/run/%%N.log\n' >etc/systemd/system/service.d/log.conf
# Nor does an index of all manuals of this computer need making at each package.
rm -f var/lib/man-db/auto-update
for target in sysinit basic shutdown network multi-user castaway-test; do
	printf '[Unit]\nDefaultDependencies=no\n' >"etc/systemd/system/$target.target"
done

mkdir run/old
pivot_root . run/old
umount -l /run/old
rmdir /run/old
ip link set lo up
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other \
	/lib/systemd/systemd --system --unit=castaway-test.target --show-status=no --log-target=console \
	--default-standard-output=inherit
