#!/bin/bash
# isolate.sh INNER ARGS...: runs INNER as the first process of a little computer: processes, mounts, names and control
# groups of its own, the network that it was started in. Everything ends with it.
set -e
# A control group of its own, so that nothing of ours is left among this computer's. The parent takes it away.
groups=$(mktemp -d)
mount -t cgroup2 none "$groups"
mkdir "$groups/castaway-test-$$"
echo $$ >"$groups/castaway-test-$$/cgroup.procs"
umount "$groups"
rmdir "$groups"
exec unshare --fork --mount --pid --uts --ipc --cgroup --kill-child --mount-proc bash "$@"
