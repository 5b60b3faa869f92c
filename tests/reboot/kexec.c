// SPDX-License-Identifier: GPL-2.0-only
/*
 * kexec: what a machine needs of kexec-tools to be taken down, in one static file.
 *
 *	kexec load KERNEL INITRAMFS COMMAND-LINE	for "kexec go"
 *	kexec crash KERNEL INITRAMFS COMMAND-LINE	for the next panic
 *	kexec go					now
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failed(const char *what)
{
	perror(what);
	return 1;
}

static int load(char **argv, unsigned long flags)
{
	int kernel = open(argv[0], O_RDONLY), initramfs = open(argv[1], O_RDONLY);

	if (kernel < 0 || initramfs < 0)
		return failed("kexec: files");
	if (syscall(SYS_kexec_file_load, kernel, initramfs, strlen(argv[2]) + 1, argv[2], flags))
		return failed("kexec: kexec_file_load");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "load"))
		return load(argv + 2, 0);
	if (argc == 5 && !strcmp(argv[1], "crash"))
		return load(argv + 2, KEXEC_FILE_ON_CRASH);
	if (argc == 2 && !strcmp(argv[1], "go")) {
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			LINUX_REBOOT_CMD_KEXEC, NULL);
		return failed("kexec: reboot");
	}
	fputs("usage: kexec load|crash KERNEL INITRAMFS COMMAND-LINE, or kexec go\n", stderr);
	return 2;
}
