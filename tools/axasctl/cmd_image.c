// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command image: images of the space, and files of them. Calls image_save.c, image_load.c and
 * libaxas.
 */
#include "image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Extents asked for at once. */
#define SOME	64

struct image_args {
	struct args args;
	u32 format;
	u32 nr;
	const char *files[SAVED_FILES];
};

static const struct argp_option image_options[] = {
	{ "diff", OPT_DIFF, "FILE", 0, "load: apply FILE, a difference to the one before", 0 },
	{ "format", 'f', "NAME", 0, "load: ept, svm, s2, gstage (default: as it was saved)", 0 },
	{ 0 }
};

static error_t image_parse(int key, char *arg, struct argp_state *state)
{
	struct image_args *image = state->input;

	switch (key) {
	case OPT_DIFF:
		if (image->nr == SAVED_FILES)
			return usage_error(&image->args, "at most %u files", SAVED_FILES);
		image->files[image->nr++] = arg;
		return 0;
	case 'f':
		return take_format(&image->args, arg, &image->format);
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp image_argp = {
	image_options, image_parse,
	"freeze\nsave FILE\ndiff [FILE]\nreset\nls [FILE]\nload FILE [-- COMMAND [ARG...]]",
	"Images of the space: its content at one moment.\n"
	"\vfreeze: make an image; the space becomes a clone of it. save: freeze, and save the\n"
	"image to FILE. diff: show the pages that the space does not share with its image; with\n"
	"FILE save them, too, while the space must not be written. reset: make the space its\n"
	"image again. ls: show the image, or FILE. load: create a space from a saved image, and\n"
	"an image of it, for COMMAND, as create does, or for the shell. Pages are read from\n"
	"FILE when they are touched, and FILE cannot be written meanwhile. The image of the\n"
	"shell is that of the last freeze, save or load, that of COMMAND is in AXAS_IMAGE_FD.\n\n"
	"  axasctl shell -c 'create; map alloc 0 1M; write 0 --string hello;\n"
	"    image save a'\n"
	"  axasctl image load a -- sh -c 'axasctl write 8 --string you;\n"
	"    axasctl image diff b'\n"
	"  axasctl image load a --diff b -- axasctl read 0 16",
	common_options, NULL, NULL
};

static int fail_image(struct session *s, const char *what, int err)
{
	return fail(s, -err, "%s: %s", what,
		    explain(!strcmp(what, "freeze") || !strcmp(what, "create") ? what : "image",
			    -err));
}

static bool from_environment(const char *name, u64 *val)
{
	const char *text = getenv(name);

	return text && !parse_number(text, val);
}

/* The image of the space, and the id of its file; -1 after reporting an error. */
static int need_image(struct session *s, u64 *id)
{
	u64 fd;

	*id = s->image_id;
	if (s->image >= 0)
		return s->image;
	if (!s->in_shell && from_environment("AXAS_IMAGE_FD", &fd) && fd <= INT32_MAX &&
	    from_environment("AXAS_IMAGE_ID", id))
		return fd;
	fail(s, EBADF, "no image: %s", s->in_shell ? "image freeze or load makes one" :
	     "use axasctl shell, or axasctl image load FILE -- COMMAND");
	return -1;
}

/* The shell keeps it; else it ends here. */
static void keep_image(struct session *s, int space, int image, u64 id)
{
	if (s->in_shell && space == s->fd)
		set_space(s, space, image, id);
	else
		close(image);
}

static int freeze(struct session *s, int space)
{
	int image = axas_freeze(space);

	if (image < 0)
		return fail_image(s, "freeze", image);
	keep_image(s, space, image, 0);
	return s->json ? answer(json_object_new_object()) : 0;
}

static int answer_saved(struct session *s, const struct to_save *save)
{
	struct json_object *obj;
	char size[32];

	if (!s->json) {
		printf("saved    %s in %llu extents\n",
		       size_name(save->bytes, size, sizeof(size)), save->extents);
		return 0;
	}
	obj = json_object_new_object();
	add_hex(obj, "id", save->id);
	add_num(obj, "bytes", save->bytes);
	add_num(obj, "extents", save->extents);
	return answer(obj);
}

/* Processes that have the image of a space take it for that of AXAS_IMAGE_FD. */
static int check_image(struct session *s)
{
	if (s->in_shell || !getenv("AXAS_IMAGE_FD"))
		return 0;
	return fail(s, EBUSY, "the space is to stay a clone of AXAS_IMAGE_FD: %s",
		    "use axasctl shell, or image diff");
}

static void save_progress(u64 done, u64 total)
{
	progress("save", done, total);
}

static int save_all(struct session *s, int space, const char *path)
{
	struct to_save save = { .from = axas_freeze(space), .progress = save_progress };
	int err;

	if (save.from < 0)
		return fail_image(s, "freeze", save.from);
	err = image_save(path, &save);
	free(save.areas);
	keep_image(s, space, save.from, err ? 0 : save.id);
	return err ? fail_image(s, path, err) : answer_saved(s, &save);
}

static int save_difference(struct session *s, int space, const char *path, u64 parent)
{
	struct to_save save = { .from = space, .parent = parent, .progress = save_progress };
	int err = image_save_diff(path, &save);

	free(save.areas);
	free(save.diff);
	return err ? fail_image(s, path, err) : answer_saved(s, &save);
}

static void show_extent(struct json_object *list, const struct axas_diff_extent *extent)
{
	bool zero = extent->flags & AXAS_DIFF_ZERO;
	struct json_object *obj;

	if (!list) {
		printf("%#llx %llu%s\n", (u64)extent->gpa, (u64)extent->length / PAGE,
		       zero ? " zero" : "");
		return;
	}
	obj = json_object_new_object();
	add_hex(obj, "gpa", extent->gpa);
	add_num(obj, "length", extent->length);
	json_object_object_add(obj, "zero", json_object_new_boolean(zero));
	json_object_array_add(list, obj);
}

static int show_difference(struct session *s, int space)
{
	struct to_save save = { .from = space };
	int err = image_get_diff(space, &save);
	struct json_object *list, *obj;

	if (err) {
		free(save.diff);
		return err == -ENOENT ? fail(s, ENOENT, "the space is no clone of an image") :
					fail_image(s, "diff", err);
	}
	list = s->json ? json_object_new_array() : NULL;
	for (u64 i = 0; i < save.nr_diff; i++)
		show_extent(list, &save.diff[i]);
	free(save.diff);
	if (!list)
		return 0;
	obj = json_object_new_object();
	json_object_object_add(obj, "extents", list);
	return answer(obj);
}

static int difference(struct session *s, int space, const char *path)
{
	u64 id;

	if (!path)
		return show_difference(s, space);
	if (need_image(s, &id) < 0)
		return 1;
	if (s->fd_once >= 0)
		return fail(s, EINVAL, "which image another space is a clone of is not known");
	if (!id)
		return fail(s, EINVAL, "no file has the image of the space: save it first");
	return save_difference(s, space, path, id);
}

static int reset(struct session *s, int space)
{
	u64 id;
	int image = need_image(s, &id), err;

	if (image < 0)
		return 1;
	err = axas_reset(space, image, 0);
	if (err)
		return fail_image(s, "reset", err);
	return s->json ? answer(json_object_new_object()) : 0;
}

static int list_image(struct session *s)
{
	struct axas_image_info info;
	struct json_object *obj;
	u64 id;
	int image = need_image(s, &id), err;

	if (image < 0)
		return 1;
	err = axas_get_image_info(image, &info);
	if (err)
		return fail_image(s, "ls", err);
	if (!s->json) {
		printf("image    %s, of chain %u, %llu areas, %llu users\n",
		       axas_format_name(info.format), info.depth, info.areas, info.users);
		printf("frames   %llu, %llu borrowed, %llu tables\n", info.frames, info.borrowed,
		       info.tables);
		return 0;
	}
	obj = json_object_new_object();
	add_str(obj, "format", axas_format_name(info.format));
	add_num(obj, "depth", info.depth);
	add_num(obj, "areas", info.areas);
	add_num(obj, "users", info.users);
	add_num(obj, "frames", info.frames);
	add_num(obj, "borrowed", info.borrowed);
	add_num(obj, "tables", info.tables);
	return answer(obj);
}

/* Bytes of memory, and of extents that have content. */
static void sum_up(const struct saved *saved, u64 *memory, u64 *content)
{
	*memory = *content = 0;
	for (u64 i = 0; i < saved->head.nr_areas; i++)
		*memory += saved->areas[i].length;
	for (u64 i = 0; i < saved->head.nr_extents; i++)
		*content += saved->extents[i].offset ? saved->extents[i].length : 0;
}

static int saved_json(const struct saved *saved)
{
	const struct saved_header *head = &saved->head;
	struct json_object *obj = json_object_new_object();
	u64 memory, content;

	sum_up(saved, &memory, &content);
	add_hex(obj, "id", head->id);
	add_hex(obj, "parent", head->parent);
	add_str(obj, "format", axas_format_name(head->format));
	add_hex(obj, "base", head->base);
	add_num(obj, "length", head->length);
	add_num(obj, "areas", head->nr_areas);
	add_num(obj, "memory", memory);
	add_num(obj, "extents", head->nr_extents);
	add_num(obj, "content", content);
	add_num(obj, "state", head->state_size);
	return answer(obj);
}

static int saved_text(const struct saved *saved)
{
	const struct saved_header *head = &saved->head;
	char size[32], part[32];
	u64 memory, content;

	sum_up(saved, &memory, &content);
	printf("image    %#llx", head->id);
	if (head->parent)
		printf(", a difference to %#llx", head->parent);
	printf("\nformat   %s, %u bits\n", axas_format_name(head->format), head->ia_bits);
	printf("memory   %s in %llu areas\n", size_name(memory, size, sizeof(size)),
	       head->nr_areas);
	printf("content  %s in %llu extents\n", size_name(content, part, sizeof(part)),
	       head->nr_extents);
	printf("machine  %s\n", head->state_size ? "axasctl boot --from" : "none");
	return 0;
}

static int list_file(struct session *s, const char *path)
{
	struct saved saved;
	int err = saved_open(path, &saved), status;

	if (err)
		return fail_image(s, path, err);
	status = s->json ? saved_json(&saved) : saved_text(&saved);
	saved_close(&saved);
	return status;
}

/* For a command: descriptor and id of the image are in the environment. */
static int hand_on(struct session *s, int space, int image, u64 id, char **words)
{
	char number[24];

	snprintf(number, sizeof(number), "%d", image);
	if (fcntl(image, F_SETFD, 0) || setenv("AXAS_IMAGE_FD", number, 1))
		return fail(s, errno, "handing the image on: %s", strerror(errno));
	snprintf(number, sizeof(number), "%#llx", id);
	if (setenv("AXAS_IMAGE_ID", number, 1))
		return fail(s, errno, "handing the image on: %s", strerror(errno));
	return exec_with_space(s, space, words);
}

static int take_space(struct session *s, int space, u64 id, char **words)
{
	int image = axas_freeze(space);

	if (image < 0) {
		close(space);
		return fail_image(s, "freeze", image);
	}
	if (!s->in_shell)
		return hand_on(s, space, image, id, words);
	set_space(s, space, image, id);
	return s->json ? answer(json_object_new_object()) : 0;
}

static int load_saved(struct session *s, struct image_args *a, const struct saved *saved)
{
	int space = saved_create(&saved[a->nr - 1], a->format), err;

	if (space < 0)
		return fail_image(s, "create", space);
	err = saved_map(saved, a->nr, space);
	if (!err)
		return take_space(s, space, saved[a->nr - 1].head.id, a->args.rest);
	close(space);
	return fail_image(s, a->files[a->nr - 1], err);
}

/* The space keeps the files. */
static int load(struct session *s, struct image_args *a)
{
	struct saved saved[SAVED_FILES];
	u32 nr;
	int err = 0, status;

	for (nr = 0; nr < a->nr && !err; nr += !err)
		err = saved_open(a->files[nr], &saved[nr]);
	status = err ? fail_image(s, a->files[nr], err) : load_saved(s, a, saved);
	while (nr)
		saved_close(&saved[--nr]);
	return status;
}

static int check_load(struct session *s, struct image_args *a)
{
	struct args *args = &a->args;

	if (args->nr < 2)
		return !!usage_error(args, "load takes FILE");
	if (a->nr == SAVED_FILES)
		return !!usage_error(args, "at most %u files", SAVED_FILES);
	if (s->in_shell && args->rest)
		return fail(s, EINVAL, "in the shell it takes no COMMAND");
	if (!s->in_shell && !args->rest)
		return fail(s, EINVAL, "a space ends with its last descriptor: %s",
			    "give -- COMMAND, or use axasctl shell");
	memmove(a->files + 1, a->files, a->nr * sizeof(*a->files));
	a->files[0] = args->arg[1];
	a->nr++;
	return load(s, a);
}

static int of_space(struct session *s, struct image_args *a)
{
	const char *verb = a->args.arg[0], *path = a->args.arg[1];
	int space;

	if (!strcmp(verb, "save") && !path)
		return !!usage_error(&a->args, "save takes FILE");
	if ((!strcmp(verb, "freeze") || !strcmp(verb, "reset")) && path)
		return !!usage_error(&a->args, "%s takes no FILE", verb);
	space = need_space(s);
	if (space < 0)
		return 1;
	if (!strcmp(verb, "diff"))
		return difference(s, space, path);
	if (!strcmp(verb, "reset"))
		return reset(s, space);
	if (check_image(s))
		return 1;
	return path ? save_all(s, space, path) : freeze(s, space);
}

int cmd_image(struct session *s, int argc, char **argv)
{
	struct image_args a = { .args = { .min = 1, .max = 2, .take_rest = true } };
	const char *verb;
	int status;

	if (parse_args(s, &image_argp, argc, argv, &a.args, &status))
		return status;
	verb = a.args.arg[0];
	if (!strcmp(verb, "load"))
		return check_load(s, &a);
	if (a.nr || a.format || a.args.rest)
		return !!usage_error(&a.args, "--diff, --format and COMMAND are for load");
	if (!strcmp(verb, "ls"))
		return a.args.arg[1] ? list_file(s, a.args.arg[1]) : list_image(s);
	if (!strcmp(verb, "freeze") || !strcmp(verb, "save") || !strcmp(verb, "diff") ||
	    !strcmp(verb, "reset"))
		return of_space(s, &a);
	return !!usage_error(&a.args, "'%s' is none of freeze, save, diff, reset, ls, load", verb);
}
