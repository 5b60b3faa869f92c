// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of images, without the module: prints TAP. The image is a file without content. Has the
 * functions of cmd.c and of libaxas that image_save.c and image_load.c call.
 */
#include "image_file.h"
#include "boot/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE	"state"
#define HANG_S	100	/* until what never ends has failed */

static char dir[32];
static int failing;	/* what axas_areas_next() ends with */

const char *device_path(void)
{
	return NULL;
}

int axas_clone_one(int image)
{
	return dup(image);
}

int axas_get_info(int space, struct axas_info *info)
{
	(void)space;
	*info = (struct axas_info){ .length = 1ull << 30, .ia_bits = 48 };
	return 0;
}

void axas_areas_begin(struct axas_areas *it, int space, __u64 start)
{
	*it = (struct axas_areas){ .space = space, .start = start };
}

/* One area of 4 MiB. */
const struct axas_area_info *axas_areas_next(struct axas_areas *it)
{
	it->buf[0] = (struct axas_area_info){ .length = 2 * SAVED_BLOCK };
	it->err = it->nr ? failing : 0;
	return it->nr++ ? NULL : &it->buf[0];
}

static const char *in_dir(const char *name)
{
	static char path[2][64];
	static u32 i;

	snprintf(path[++i % 2], sizeof(path[0]), "%s/%s", dir, name);
	return path[i % 2];
}

static u64 told, told_total;

static void tell(u64 done, u64 total)
{
	told_total = done >= told && done <= total ? total : 0;
	told = done;
}

/* Of @from, a page of content at 8 KiB, or none. */
static int save(const char *path, int from)
{
	struct to_save what = { .from = from, .progress = tell, .state = STATE,
				.state_size = sizeof(STATE) };
	int err = image_save(path, &what);

	free(what.areas);
	return err;
}

static int make_image(void)
{
	int fd = open(in_dir("source"), O_RDWR | O_CREAT, 0600);

	if (fd < 0 || pwrite(fd, "content", 7, 8192) != 7 || ftruncate(fd, 2 * SAVED_BLOCK))
		exit(1);
	return fd;
}

static u32 mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_mode;
}

static bool begins_with(const char *path, const char *text)
{
	char buf[16] = "";
	FILE *f = fopen(path, "r");

	if (f && !fread(buf, 1, strlen(text), f))
		buf[0] = 0;
	if (f)
		fclose(f);
	return !strcmp(buf, text);
}

static void test_save(int image)
{
	const char *path = in_dir("file");
	struct saved saved = { .file = -1 };

	umask(0);
	ok(!save(path, image) && mode_of(path) == (S_IFREG | 0600), "a file is its owner's alone");
	ok(!saved_open(path, &saved) && saved.head.nr_areas == 1 && saved.head.nr_extents == 1 &&
	   saved.head.state_size == sizeof(STATE) && !strcmp(saved.state, STATE),
	   "and has what was saved");
	ok(told == 2 * SAVED_BLOCK && told_total == told, "how far it came is told");
	saved_close(&saved);
	unlink(path);
}

static void test_save_over(int image)
{
	const char *path = in_dir("file"), *other = in_dir("other");
	int fd;

	write_file(path, "old", 3);
	chmod(path, 0666);
	fd = open(path, O_RDONLY);
	failing = -EIO;
	ok(save(path, image) == -EIO && begins_with(path, "old"),
	   "a failure leaves what was there");
	failing = 0;
	ok(save(path, dup(open("/dev/null", O_WRONLY))) < 0 && begins_with(path, "old"),
	   "and so does one later");
	ok(!save(path, image) && mode_of(path) == (S_IFREG | 0600) &&
	   begins_with(path, SAVED_MAGIC), "a file that others may read is replaced");
	ok(lseek(fd, 0, SEEK_END) == 3, "and those who have it open do not see it");
	close(fd);
	unlink(path);
	write_file(other, "old", 3);
	ok(!symlink(other, path) && !save(path, image) && begins_with(other, "old") &&
	   mode_of(path) == (S_IFREG | 0600), "a link is replaced, not followed");
	unlink(path);
	unlink(other);
	ok(!mkfifo(path, 0600) && save(path, image) == -EPERM && S_ISFIFO(mode_of(path)),
	   "what is no file stays");
	unlink(path);
	ok(save(in_dir("none/file"), image) == -ENOENT, "refused: no folder");
}

/* The process is killed when it writes more than a page. */
static void test_killed(int image)
{
	const struct rlimit page = { PAGE, PAGE };
	const char *path = in_dir("file");
	pid_t child = fork();
	int status;

	if (!child) {
		prctl(PR_SET_DUMPABLE, 0);
		setrlimit(RLIMIT_FSIZE, &page);
		_exit(!!save(path, image));
	}
	ok(waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
	   WTERMSIG(status) == SIGXFSZ && !mode_of(path), "one that is killed has written nothing");
}

/* A header, and holes as far as a file's system allows. */
static int open_with(u64 areas, u64 extents, u64 state)
{
	const struct saved_header head = {
		.magic = SAVED_MAGIC, .version = SAVED_VERSION, .id = 1, .areas = PAGE,
		.extents = PAGE, .state = PAGE, .nr_areas = areas, .nr_extents = extents,
		.state_size = state,
	};
	const char *path = in_dir("file");
	struct saved saved;
	int err;

	write_file(path, &head, sizeof(head));
	if (truncate(path, 1ull << 36))
		exit(1);
	err = saved_open(path, &saved);
	if (!err)
		saved_close(&saved);
	unlink(path);
	return err;
}

static void test_bounds(void)
{
	ok(!open_with(0, 0, 8), "a state of zeroes");
	ok(open_with(SAVED_AREAS + 1, 0, 0) == -EFBIG && open_with(1ull << 30, 0, 0) == -EFBIG,
	   "refused: too many areas");
	ok(open_with(0, SAVED_EXTENTS + 1, 0) == -EFBIG && open_with(0, ~0ull, 0) == -EFBIG,
	   "refused: too many extents");
	ok(open_with(0, 0, SAVED_STATE + 1) == -EFBIG && open_with(0, 0, 1ull << 35) == -EFBIG,
	   "refused: too large a state");
}

/* A file of areas, of which the last one is given, and an extent. */
static int open_areas(struct saved_area last, struct saved_extent extent)
{
	const struct saved_area areas[2] = { { 0, SAVED_BLOCK, AXAS_PROT_MASK, 0 }, last };
	const struct saved_header head = {
		.magic = SAVED_MAGIC, .version = SAVED_VERSION, .id = 1,
		.areas = sizeof(head), .nr_areas = 2,
		.extents = sizeof(head) + sizeof(areas), .nr_extents = 1,
	};
	u8 bytes[sizeof(head) + sizeof(areas) + sizeof(extent)];
	const char *path = in_dir("file");
	struct saved saved;
	int err;

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), areas, sizeof(areas));
	memcpy(bytes + sizeof(head) + sizeof(areas), &extent, sizeof(extent));
	write_file(path, bytes, sizeof(bytes));
	err = saved_open(path, &saved);
	if (!err)
		saved_close(&saved);
	unlink(path);
	return err;
}

static void test_areas(void)
{
	const struct saved_extent whole = { 0, 2 * SAVED_BLOCK, 0 };
	static const struct { struct saved_area area; const char *what; } bad[] = {
		{ { SAVED_BLOCK, SAVED_BLOCK, 3, AXAS_MAP_POPULATE },
		  "refused: all memory at once" },
		{ { SAVED_BLOCK, SAVED_BLOCK, 3, AXAS_MAP_MISSING },
		  "refused: memory that somebody has to bring" },
		{ { SAVED_BLOCK, SAVED_BLOCK, 8, 0 }, "refused: an unknown permission" },
		{ { SAVED_BLOCK - PAGE, SAVED_BLOCK, 3, 0 }, "refused: an area in another one" },
		{ { SAVED_BLOCK, 0, 3, 0 }, "refused: an area of nothing" },
		{ { -SAVED_BLOCK, SAVED_BLOCK + PAGE, 3, 0 }, "refused: an area around the end" },
	};

	ok(!open_areas((struct saved_area){ SAVED_BLOCK, SAVED_BLOCK, 3, SAVED_POLICY }, whole) &&
	   !open_areas((struct saved_area){ -SAVED_BLOCK, SAVED_BLOCK, 3, 0 }, whole),
	   "areas, up to the last address");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(open_areas(bad[i].area, whole) == -ENOEXEC, bad[i].what);
	ok(open_areas((struct saved_area){ SAVED_BLOCK, SAVED_BLOCK, 3, 0 },
		      (struct saved_extent){ PAGE, -PAGE + 1, 0 }) == -ENOEXEC,
	   "refused: an extent around the end");
}

int main(void)
{
	int image;

	strcpy(dir, "/tmp/image_test.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	alarm(HANG_S);
	puts("TAP version 13");
	image = make_image();
	test_save(image);
	test_save_over(image);
	test_killed(image);
	test_bounds();
	test_areas();
	unlink(in_dir("source"));
	ok(!rmdir(dir), "nothing is left beside them");
	printf("1..%d\n", nr);
	return failures != 0;
}
