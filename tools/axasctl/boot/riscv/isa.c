// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's harts can do: what the host's can, as its kernel tells, but nothing that needs
 * more of a hypervisor than axvcpu does. Calls no other file.
 */
#include "../boot.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Letters: no H, no V, whose registers a guest does not have. */
static const char letters[] = "imafdc";

/*
 * Without state of their own, or with what axvcpu gives: Sstc by AXVCPU_SETUP_TIMER, Svpbmt by
 * henvcfg. Not Zicbom, Zicboz and Zawrs, whose instructions trap.
 */
static const char *const known[] = {
	"zicsr", "zifencei", "zihintpause", "zihintntl", "zba", "zbb", "zbc", "zbs", "zfh",
	"zfhmin", "sstc", "svinval", "svnapot", "svpbmt",
};

static bool is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], name))
			return true;
	return false;
}

/* The value of a line "NAME : VALUE" of the first hart. */
static bool field(const char *text, const char *name, char *val, size_t size)
{
	size_t len = strlen(name);

	while (text) {
		if (!strncmp(text, name, len) && strspn(text + len, " \t:") >= 2) {
			text += len + strspn(text + len, " \t:");
			snprintf(val, size, "%.*s", (int)strcspn(text, "\n"), text);
			return true;
		}
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return false;
}

static void add_letters(struct isa *isa, const char *host)
{
	size_t len = strlen(isa->base);

	for (size_t i = 0; letters[i]; i++)
		if (strchr(host, letters[i]))
			isa->base[len++] = letters[i];
	isa->base[len] = 0;
}

static void add_extension(struct isa *isa, const char *name)
{
	size_t len = strlen(isa->extensions);

	if (is_known(name) && len + strlen(name) + 2 < sizeof(isa->extensions))
		sprintf(isa->extensions + len, "%s%s", len ? " " : "", name);
}

/* As in "rv64imafdch_zicsr_sstc". Without a line, what every Linux needs. */
void isa_parse(const char *text, struct isa *isa)
{
	char host[4096] = "rv64imafdc_zicsr_zifencei", *save, *word;

	*isa = (struct isa){ .base = "rv64", .mmu = "sv39" };
	field(text, "isa", host, sizeof(host));
	field(text, "mmu", isa->mmu, sizeof(isa->mmu));
	word = strtok_r(host, "_", &save);
	add_letters(isa, word && strlen(word) > 4 ? word + 4 : letters);
	while ((word = strtok_r(NULL, "_", &save)))
		add_extension(isa, word);
}

void isa_read(struct isa *isa)
{
	char text[16384] = "";
	int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	isa_parse(text, isa);
}
