// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failing, skipping and comparing: a test that fails writes its reason to the memory shared
 * with harness.c and exits. Calls libc only.
 */
#include "harness.h"

#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

struct outcome *outcome;
char test_context[128];

void fail_at(const char *file, int line, const char *fmt, ...)
{
	char reason[sizeof(outcome->reason)];
	int n = snprintf(reason, sizeof(reason), "%s:%d: %s", file, line, test_context);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason + n, sizeof(reason) - n, fmt, ap);
	va_end(ap);
	/* Of several threads or children that fail, the reason of any one is enough. */
	memcpy(outcome->reason, reason, sizeof(reason));
	_exit(TEST_FAILED);
}

void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(outcome->reason, sizeof(outcome->reason), fmt, ap);
	va_end(ap);
	_exit(TEST_SKIPPED);
}

/* One dprintf(), so that lines of concurrent children do not mix. */
void note(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n] = '\0';
	dprintf(STDOUT_FILENO, "# %s\n", text);
}

static const char *name_of(long long value, char *buf, size_t len)
{
	const char *name = value < 0 && value > -4096 ? strerrorname_np(-value) : NULL;

	if (name)
		snprintf(buf, len, "-%s", name);
	else
		snprintf(buf, len, "%lld (%#llx)", value, value);
	return buf;
}

void equal_at(const char *file, int line, const char *what, long long got, long long want)
{
	char g[48], w[48];

	if (got != want)
		fail_at(file, line, "%s is %s, not %s", what, name_of(got, g, sizeof(g)),
			name_of(want, w, sizeof(w)));
}

void in_child(void (*run)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		run(arg);
		_exit(TEST_OK);
	}
	expect(pid > 0);
	expect_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	if (WIFSIGNALED(status))
		fail("a child was ended by signal %d", WTERMSIG(status));
}
