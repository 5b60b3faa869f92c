# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# stranger.sh: run by systemd in a stock Debian on which the packages were installed (see
# scripts/stranger.sh), as root: what a person does with them, up to purge.

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh
# shellcheck source=/dev/null
. /axas/files.sh
VERSION=$(cat /axas/version)

as_someone() { runuser -u someone -- "$@"; }

# as_shown COMMAND: the line of installing.md that begins with it, as a person types it.
sudo() { "$@"; }
as_shown() {
	_line=$(grep "^sudo $1" /axas/installing) || echo "installing.md shows no $1"
	[ "$_line" ] || return 1
	USER=someone
	eval "$_line"
}

both_are_loaded() {
	for _module in axas axvcpu; do
		[ "$(cat /sys/module/$_module/version)" = "$VERSION" ] || return 1
	done
}

modprobe_loads_both() {
	modprobe -r axvcpu axas && as_shown modprobe && udevadm settle && both_are_loaded
}

devices_belong_to_the_group() {
	[ "$(stat -c '%a %U %G %F' /dev/axas /dev/axvcpu | uniq)" = \
		'660 root axas character special file' ]
}

# Before the person is in the group.
others_are_told_what_to_do() {
	useradd -m someone || return 1
	as_someone axasctl formats >/tmp/others 2>&1 && return 1
	grep -q 'group axas' /tmp/others || { cat /tmp/others && false; }
}

members_use_it() {
	as_shown adduser && as_someone axasctl formats | grep svm
}

members_run_guests() { as_someone axasctl run /axas/hello.elf | grep 'hello from a guest'; }
members_run_their_program() { as_someone /axas/stranger; }
kvm_leaves_the_cpus() { modprobe -c | grep 'options kvm enable_virt_at_load=0'; }

# Of this suite, by the file that DKMS built.
dkms_knows_the_kernel() {
	dkms status axas | tee /tmp/dkms | grep "$VERSION, $(uname -r), x86_64: installed" ||
		{ cat /tmp/dkms && false; }
	modinfo -F filename axas axvcpu | grep -c updates/dkms | grep -x 2
}

# With a key that the machine's owner can enrol for Secure Boot.
dkms_signs_the_modules() {
	for _module in axas axvcpu; do
		modinfo -F signer "$_module" | grep . || return 1
	done
	openssl x509 -inform DER -in /var/lib/dkms/mok.pub -noout -subject
}

pages() { dpkg -L axas-dkms axas-tools libaxas1 libaxas-dev | grep '/man/man.*gz'; }

manual_pages_are_read() {
	for _page in $(pages); do
		echo "# $_page"
		man --warnings -l "$_page" 2>&1 >/tmp/page | grep . && return 1
		[ "$(wc -l </tmp/page)" -gt 20 ] || return 1
	done
}

packages() {
	dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' | sed -n 's/ ii $//p'
}

quietly() { "$@" >/tmp/quiet 2>&1 || { cat /tmp/quiet && false; }; }

everything_is_gone() {
	[ ! -e /sys/module/axas ] && [ ! -e /dev/axas ] && [ ! -e /dev/axvcpu ] &&
		! command -v axasctl && ! modinfo axas 2>/dev/null
}

purge_unloads_and_removes() { quietly as_shown 'apt purge' && everything_is_gone; }

removal_unloads_and_removes() {
	quietly apt-get remove --autoremove axas-dkms axas-tools libaxas-dev libaxas1 && everything_is_gone
}

# By dpkg: apt does not know packages any more that came as files and were removed. With what came
# along and left its configuration, as openssl does.
purge_succeeds() {
	# shellcheck disable=SC2046  # several words
	dpkg --purge axas-dkms $(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' |
		sed -n 's/ rc $//p')
}

# Numbers, times, and the bars of histograms differ from run to run. Newer versions of trace-cmd print
# the context of an event ("..2.") before its time.
masked() {
	sed -E 's/ [.A-Za-z0-9]{5}( +[0-9]+\.[0-9]+:)/\1/; s/0x[0-9a-f]+|[0-9]+([.,][0-9]+)*[KMG]?/N/g; s/\|[@ ]*\|/| |/; s/[ \t]+/ /g
		s/^ //; s/ $//; /^$/d' "$1" | sort -u
}

# traces_as_shown NUMBER: this example of tracing.md succeeds, and every line that the page shows is
# among those that it prints.
traces_as_shown() {
	(cd /axas && quietly sh -ex "tracing/$1.sh") || return 1
	[ -e "/axas/tracing/$1.shown" ] || return 0
	masked "/axas/tracing/$1.shown" >/tmp/shown
	masked /tmp/quiet | comm -23 /tmp/shown - >/tmp/missing
	if [ ! -s /tmp/shown ] || [ -s /tmp/missing ]; then
		echo "not printed:"
		cat /tmp/missing
		echo "printed:"
		head -n 40 /tmp/quiet
		return 1
	fi
}

packages_are_as_before() {
	packages | sort >/tmp/packages && sort /axas/packages-before | diff - /tmp/packages
}

groups_are_as_before() { userdel -r someone 2>/dev/null; diff /axas/group-before /etc/group; }

# What is there now and was not before, unless the boot made it: that was there when this began
# and was not installed. DKMS keeps its key, which may be enrolled by now.
nothing_is_left_behind() {
	files / >/tmp/files-now
	comm -13 /axas/files-installed /tmp/files-begun >/tmp/files-of-boot
	sort -m /axas/files-before /tmp/files-of-boot | sort -u | comm -13 - /tmp/files-now |
		grep -vE '^/var/lib/(systemd|dpkg|apt)/|^/var/lib/dkms/mok\.(key|pub)$|^/etc/[a-z]*-$' >/tmp/left
	[ ! -s /tmp/left ] || { head -n 30 /tmp/left && false; }
}

secure_boot_is_on() { mokutil --sb-state | tee /tmp/state | grep 'SecureBoot enabled'; }
kernel_is_locked_down() { grep '\[integrity\]' /sys/kernel/security/lockdown; }

modules_are_refused() {
	[ ! -e /sys/module/axas ] || return 1
	modprobe axas 2>/tmp/refused && return 1
	cat /tmp/refused
	grep -q 'Key was rejected by service' /tmp/refused
}

axasctl_says_what_to_do() {
	axasctl formats 2>/tmp/says && return 1
	cat /tmp/says
	grep -q "Secure Boot.*mokutil --import /var/lib/dkms/mok.pub" /tmp/says
}

# With a password, which is asked for again before the key is enrolled. The blue screen waits ten
# seconds for a person, unless it is told to wait.
key_is_imported() {
	mokutil --timeout -1
	printf 'axasaxas\naxasaxas\n' | as_shown mokutil || return 1
	mokutil --list-new | grep 'DKMS module signing key'
}

# On the first boot of a machine with Secure Boot.
refused_suite() {
	for _check in secure_boot_is_on kernel_is_locked_down modules_are_refused \
		axasctl_says_what_to_do key_is_imported; do
		check "$_check" "$_check"
	done
	touch /axas/imported
	echo "1..$CHECKS"
}

stranger_suite() {
	files / >/tmp/files-begun
	if [ -e /axas/secure ]; then
		check secure_boot_is_on secure_boot_is_on
		check kernel_is_locked_down kernel_is_locked_down
	fi
	check both_are_loaded_at_boot both_are_loaded
	for _check in modprobe_loads_both devices_belong_to_the_group others_are_told_what_to_do \
		members_use_it members_run_guests members_run_their_program kvm_leaves_the_cpus \
		dkms_knows_the_kernel dkms_signs_the_modules manual_pages_are_read; do
		check "$_check" "$_check"
	done
	for _script in /axas/tracing/*.sh; do
		[ -e "$_script" ] || break
		_nr=$(basename "$_script" .sh)
		check "traces_as_shown $(grep -m 1 -o '^[^ ]*' "$_script") $_nr" traces_as_shown "$_nr"
	done
	if [ -e /axas/full ]; then
		_removal="removal_unloads_and_removes purge_succeeds"
	else
		_removal=purge_unloads_and_removes
	fi
	for _check in $_removal packages_are_as_before groups_are_as_before nothing_is_left_behind; do
		check "$_check" "$_check"
	done
	echo "1..$CHECKS"
}

export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive APT_CONFIG=/axas/apt.conf
# Firmware and GRUB write to this line, too, and end theirs nowhere.
echo
if [ -e /axas/secure ] && [ ! -e /axas/imported ]; then
	suite refused refused_suite
else
	suite stranger stranger_suite
fi
echo "##axas done $?"
sync
reboot -f
