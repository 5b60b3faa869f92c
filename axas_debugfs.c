// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: reading "spaces" lists the spaces and creates a directory for each, named by its number.
 * There "table" has a line per run of equal leaves, "raw" a line per leaf with its entry (it shows
 * host-physical addresses, so it needs CAP_SYS_RAWIO), and "shared" a line per range that maps
 * another space. "stock" lists the frames in each CPU's stock. Calls axas_space.c, axas_shared.c,
 * axas_area.c, axas_npt.c and axas_stock.c.
 *
 * Locks: spaces_lock protects the list and the directories. space->lock is held for reading from
 * ->start to ->stop of a dump, and while "shared" is made, but not while the output is copied to
 * user space.
 */
#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "axas_debugfs.h"
#include "axas_npt.h"
#include "axas_shared.h"
#include "axas_space.h"
#include "axas_stock.h"

static struct dentry *root;

/*
 * A position is the number of the page from which to search for the next line, so that no
 * other state must survive while space->lock is dropped.
 */
static void *find_line(struct seq_file *m, loff_t pos, bool raw)
{
	struct axas_space *space = m->private;
	struct axas_npt_run *run;

	if (pos > axas_gpa_range_last(space->range).val >> AXAS_FRAME_SHIFT)
		return NULL;
	run = kmalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return ERR_PTR(-ENOMEM);
	if (axas_npt_next_run(&space->npt, (u64)pos << AXAS_FRAME_SHIFT, raw, run))
		return run;
	kfree(run);
	return NULL;
}

static void *lock_and_find(struct seq_file *m, loff_t pos, bool raw)
{
	struct axas_space *space = m->private;

	down_read(&space->lock);
	return find_line(m, pos, raw);
}

static void *next_line(struct seq_file *m, void *v, loff_t *pos, bool raw)
{
	struct axas_npt_run *run = v;

	*pos = (run->last >> AXAS_FRAME_SHIFT) + 1;
	kfree(run);
	return find_line(m, *pos, raw);
}

static void stop(struct seq_file *m, void *v)
{
	struct axas_space *space = m->private;

	up_read(&space->lock);
	if (!IS_ERR(v))
		kfree(v);
}

static void *table_start(struct seq_file *m, loff_t *pos)
{
	return lock_and_find(m, *pos, false);
}

static void *table_next(struct seq_file *m, void *v, loff_t *pos)
{
	return next_line(m, v, pos, false);
}

static int table_show(struct seq_file *m, void *v)
{
	axas_npt_dump(m, v);
	return 0;
}

static const struct seq_operations table_ops = {
	.start	= table_start,
	.next	= table_next,
	.stop	= stop,
	.show	= table_show,
};

static void *raw_start(struct seq_file *m, loff_t *pos)
{
	return lock_and_find(m, *pos, true);
}

static void *raw_next(struct seq_file *m, void *v, loff_t *pos)
{
	return next_line(m, v, pos, true);
}

static int raw_show(struct seq_file *m, void *v)
{
	axas_npt_dump_raw(m, v);
	return 0;
}

static const struct seq_operations raw_ops = {
	.start	= raw_start,
	.next	= raw_next,
	.stop	= stop,
	.show	= raw_show,
};

/* The directory is removed before the last reference is put: axas_space_get() is safe. */
static int open_dump(struct inode *inode, struct file *filp, const struct seq_operations *ops)
{
	int err = seq_open(filp, ops);

	if (err)
		return err;
	((struct seq_file *)filp->private_data)->private = axas_space_get(inode->i_private);
	return 0;
}

static int table_open(struct inode *inode, struct file *filp)
{
	return open_dump(inode, filp, &table_ops);
}

static int raw_open(struct inode *inode, struct file *filp)
{
	return capable(CAP_SYS_RAWIO) ? open_dump(inode, filp, &raw_ops) : -EPERM;
}

static int dump_release(struct inode *inode, struct file *filp)
{
	struct seq_file *m = filp->private_data;

	axas_space_put(m->private);
	return seq_release(inode, filp);
}

static const struct file_operations table_fops = {
	.owner		= THIS_MODULE,
	.open		= table_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= dump_release,
};

static const struct file_operations raw_fops = {
	.owner		= THIS_MODULE,
	.open		= raw_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= dump_release,
};

static void shared_area(struct seq_file *m, const struct axas_area *area, u64 first, u64 last)
{
	u32 source = axas_shared_source(area);

	if (source)
		seq_printf(m, "0x%016llx-0x%016llx space %u 0x%llx\n", first, last, source,
			   first + area->backend.offset);
}

/* A line for each range of other spaces' memory, and what others have of its own. */
static int shared_show(struct seq_file *m, void *unused)
{
	MA_STATE(mas, NULL, 0, 0);
	struct axas_space *space = m->private;
	u64 last = axas_gpa_range_last(space->range).val;
	struct axas_area *area;

	seq_printf(m, "exported %llu\n", axas_shared_exported(space));
	down_read(&space->lock);
	mas.tree = &space->areas->tree;
	mas_set(&mas, axas_page_nr(space->range.start.val));
	for (area = axas_area_start(&mas, last); area; area = axas_area_next(&mas, last)) {
		shared_area(m, area, axas_page_first(mas.index), axas_page_last(mas.last));
		cond_resched();
	}
	up_read(&space->lock);
	return 0;
}

static int shared_open(struct inode *inode, struct file *filp)
{
	int err = single_open(filp, shared_show, axas_space_get(inode->i_private));

	if (err)
		axas_space_put(inode->i_private);
	return err;
}

static int shared_release(struct inode *inode, struct file *filp)
{
	struct seq_file *m = filp->private_data;

	axas_space_put(m->private);
	return single_release(inode, filp);
}

static const struct file_operations shared_fops = {
	.owner		= THIS_MODULE,
	.open		= shared_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= shared_release,
};

static LIST_HEAD(spaces);
static DEFINE_MUTEX(spaces_lock);

static void make_folder(struct axas_debugfs *entry)
{
	char name[16];

	if (entry->dir)
		return;
	snprintf(name, sizeof(name), "%u", axas_space_id(entry->space));
	entry->dir = debugfs_create_dir(name, root);
	debugfs_create_file("table", 0400, entry->dir, entry->space, &table_fops);
	debugfs_create_file("raw", 0400, entry->dir, entry->space, &raw_fops);
	debugfs_create_file("shared", 0400, entry->dir, entry->space, &shared_fops);
}

static int spaces_show(struct seq_file *m, void *unused)
{
	struct axas_debugfs *entry;
	struct axas_info info;

	mutex_lock(&spaces_lock);
	list_for_each_entry(entry, &spaces, node) {
		make_folder(entry);
		axas_space_get_info(entry->space, &info);
		seq_printf(m, "%u 0x%llx+0x%llx areas %llu frames %llu tables %llu\n",
			   axas_space_id(entry->space), info.base, info.length, info.areas,
			   info.frames, info.tables);
		cond_resched();
	}
	mutex_unlock(&spaces_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(spaces);

/* Frames in the stock of each CPU; they belong to no space. */
static int stock_show(struct seq_file *m, void *unused)
{
	unsigned long frames;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		frames = axas_stock_frames_of(cpu);
		if (frames)
			seq_printf(m, "cpu %u frames %lu\n", cpu, frames);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stock);

void axas_debugfs_add(struct axas_debugfs *entry, struct axas_space *space)
{
	*entry = (struct axas_debugfs){ .space = space };
	mutex_lock(&spaces_lock);
	list_add_tail(&entry->node, &spaces);
	mutex_unlock(&spaces_lock);
}

void axas_debugfs_remove(struct axas_debugfs *entry)
{
	mutex_lock(&spaces_lock);
	list_del(&entry->node);
	mutex_unlock(&spaces_lock);
	/* Off the list: spaces_show() can no longer create the directory. */
	debugfs_remove(entry->dir);
}

void axas_debugfs_init(void)
{
	root = debugfs_create_dir("axas", NULL);
	debugfs_create_file("spaces", 0400, root, NULL, &spaces_fops);
	debugfs_create_file("stock", 0400, root, NULL, &stock_fops);
}

void axas_debugfs_exit(void)
{
	debugfs_remove(root);
}
