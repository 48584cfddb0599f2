#!/bin/bash
# The first process of a machine within this one: everything that systemd or a test may change is its own, in memory.
# Words: a folder to share with the test, the source, the packages of its environment, the Python below it.
set -eu
mount --make-rprivate /
exec 3<"$1" 4<"$2" 5<"$3" 6<"$4"  # these may lie where the private folders are put next

private() { mkdir -p "$2"; mount -t tmpfs -o "mode=$1" private "$2"; }

private 755 /mnt
for number in 3:share 4:source 5:packages 6:python; do
  mkdir "/mnt/${number#*:}"
  mount --bind "/proc/self/fd/${number%:*}" "/mnt/${number#*:}"
done
exec 3<&- 4<&- 5<&- 6<&-
mkdir /mnt/etc /mnt/dev
cp -a /etc/. /mnt/etc/
for folder in /tmp /var/tmp; do private 1777 "$folder"; done
for folder in /run /var /srv /opt /home; do private 755 "$folder"; done
private 700 /root
mkdir -p /var/{backups,cache,lib,log,spool}
mkdir -m 1777 /var/tmp
mount --bind /mnt/etc /etc
: > /etc/fstab
rm -rf /etc/systemd/system/*.wants /etc/lipsyncd

# Devices: those that do nothing, and no others.
mount -t tmpfs -o mode=755 private /mnt/dev
for name in null zero full random urandom tty; do
  : > "/mnt/dev/$name"
  mount --bind "/dev/$name" "/mnt/dev/$name"
done
mkdir /mnt/dev/pts /mnt/dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts /mnt/dev/pts
ln -s pts/ptmx /mnt/dev/ptmx
ln -s /proc/self/fd /mnt/dev/fd
private 1777 /mnt/dev/shm
mount --rbind /mnt/dev /dev

# The kernel: control groups of our own; nothing else of it is written.
mount -t sysfs -o ro sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for unit in systemd-{sysctl,modules-load,udevd,udev-trigger,remount-fs,random-seed,binfmt,hwdb-update,tmpfiles-setup-dev}; do
  ln -sf /dev/null "/etc/systemd/system/$unit.service"
done
ln -sf /dev/null /etc/systemd/system/dev-hugepages.mount
ip link set lo up 2>/dev/null || true

# An environment of its own around the same packages, at the place that the documents name.
python=/mnt/python/bin/python3
echo /mnt/python/lib > /etc/ld.so.conf.d/00-python.conf  # it has moved, and must not take the system's libpython
ldconfig
version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
mkdir /opt/lipsyncd
for name in daemon lipsync publishers systemd; do
  mkdir "/opt/lipsyncd/$name"
  mount --bind "/mnt/source/$name" "/opt/lipsyncd/$name"
done
"$python" -m venv --without-pip /opt/lipsyncd/.venv
printf '/opt/lipsyncd\n/mnt/packages\n' > "/opt/lipsyncd/.venv/lib/$version/site-packages/lipsyncd.pth"
printf '#!/opt/lipsyncd/.venv/bin/python3\nimport sys\nfrom daemon.__main__ import main\nsys.exit(main())\n' \
  > /opt/lipsyncd/.venv/bin/lipsyncd
chmod 755 /opt/lipsyncd/.venv/bin/lipsyncd

mount --make-rshared /  # as it is on a real machine: a share mounted later is seen by services too
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=basic.target --show-status=no --log-target=journal --log-level=notice
