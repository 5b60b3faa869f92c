/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal header of the VMX backend. "SDM" is the Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 3C, chapters 24 to 31.
 *
 *   vmx.c         the operations: load, put, run
 *   vmx_exit.c    exit handling
 *   vmx_save.c    all of a vCPU's state, for another one
 *   vmx_event.c   events in flight to the guest
 *   vmx_guest.c   guest-state area and controls of a VMCS
 *   vmx_host.c    host-state area, and host state that hardware does not restore
 *   vmx_cpu.c     the machine: capabilities, VMXON
 *   vmx_entry.S   guest entry and exit
 *
 * Each file calls only those below it in this list.
 */
#ifndef _AXVCPU_VMX_H
#define _AXVCPU_VMX_H

#include <linux/types.h>
#include <asm/vmx.h>
#include <axas/frame.h>

#include "x86.h"

/**
 * struct vmx_config - this machine's VMX capabilities and the controls in use
 * @revision: VMCS revision identifier, SDM 25.2
 * @pin: pin-based controls
 * @cpu: primary processor-based controls of a new guest
 * @cpu2: secondary ones
 * @exit: VM-exit controls
 * @entry: VM-entry controls, except for the guest's mode
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP, SDM vol. 3D, A.10
 * @jiffy: value for the VMX-preemption timer, where @pin enables it
 * @stays_on: CPUs stay in VMX operation between entries
 * @perf_global: the CPU has IA32_PERF_GLOBAL_CTRL
 * @perf_switched: entries and exits switch IA32_PERF_GLOBAL_CTRL
 * @pebs: the CPU has IA32_PEBS_ENABLE
 */
struct vmx_config {
	u32 revision;
	u32 pin;
	u32 cpu;
	u32 cpu2;
	u32 exit;
	u32 entry;
	u64 ept_vpid;
	u32 jiffy;
	bool stays_on;
	bool perf_global;
	bool perf_switched;
	bool pebs;
};

extern struct vmx_config vmx_config;

/* MSRs that hardware does not switch and only user space depends on. */
enum vmx_msr {
	VMX_MSR_STAR,
	VMX_MSR_LSTAR,
	VMX_MSR_CSTAR,
	VMX_MSR_SYSCALL_MASK,
	VMX_MSR_KERNEL_GS_BASE,
	VMX_NR_MSRS,
};

/* Segment registers in the order of their fields in a VMCS, SDM vol. 3D, B. */
enum vmx_segment {
	VMX_ES,
	VMX_CS,
	VMX_SS,
	VMX_DS,
	VMX_FS,
	VMX_GS,
	VMX_LDTR,
	VMX_TR,
};

/**
 * struct vmx_host - host state that put() restores
 * @msr: by enum vmx_msr
 * @gdt: limit of the GDT
 * @idt: limit of the IDT
 * @cr3: value in the VMCS
 * @cr4: value in the VMCS
 * @perf_global: IA32_PERF_GLOBAL_CTRL, in the VMCS as well with vmx_config.perf_switched
 * @pebs: IA32_PEBS_ENABLE
 * @ds: user selector
 * @es: user selector
 * @fs: user selector
 * @gs: user selector
 * @ldt: LDT selector
 */
struct vmx_host {
	u64 msr[VMX_NR_MSRS];
	unsigned long cr3;
	unsigned long cr4;
	u64 perf_global;
	u64 pebs;
	u16 gdt, idt;
	u16 ds, es, fs, gs, ldt;
};

/**
 * struct vmx - the backend's vCPU
 * @x86: common part; first, for the entry code
 * @vmcs: the VMCS
 * @vpid: tags its translations
 * @eptp: EPT pointer
 * @entry: last value of set_entry()
 * @cs: in real mode, CS for @entry
 * @cs_base: base of CS outside of 64-bit mode, after put()
 * @blocked: interrupts are blocked by a shadow, after put()
 * @cr0: this and the following guest registers match the VMCS while it is not loaded. Bits in the
 *	masks VMX_CR0_KEPT and VMX_CR4_KEPT have values that this backend sets
 * @cr0_shadow: the guest's view of the masked bits
 * @cr3: control register
 * @cr4: control register
 * @cr4_shadow: as @cr0_shadow
 * @efer: IA32_EFER
 * @fs_base: base of FS
 * @gs_base: base of GS
 * @cpl: privilege level
 * @code64: it runs in 64-bit mode
 * @msr: by enum vmx_msr
 * @cpu_controls: primary processor-based controls, as in the VMCS
 * @entry_changed: @entry is not in the VMCS yet: in real mode it sets CS
 * @launched: VMLAUNCH succeeded since the last VMCLEAR
 * @fresh: set up, but not written to the VMCS yet
 * @regs_changed: registers are not in the VMCS yet
 * @flush: INVEPT before the next entry
 * @host_event: X86_TRAP_NMI or X86_TRAP_MC that caused the exit, else 0
 * @flags: saved interrupt flags, between vmx_begin() and vmx_end()
 * @host: the host's state
 */
struct vmx {
	struct axvcpu_x86 x86;
	struct axas_frame vmcs;
	int vpid;
	u64 eptp;
	u64 entry;
	u16 cs;
	u64 cs_base;
	bool blocked;
	u64 cr0;
	u64 cr0_shadow;
	u64 cr3;
	u64 cr4;
	u64 cr4_shadow;
	u64 efer;
	u64 fs_base;
	u64 gs_base;
	u32 cpl;
	bool code64;
	u64 msr[VMX_NR_MSRS];
	u32 cpu_controls;
	bool entry_changed;
	bool launched;
	bool fresh;
	bool regs_changed;
	bool flush;
	u8 host_event;
	unsigned long flags;
	struct vmx_host host;
};

static inline struct vmx *to_vmx(const struct axvcpu *vcpu)
{
	return vcpu->arch;
}

/*
 * CR0: NE must be set in VMX operation (SDM vol. 3D, A.7), and the host controls the caches. CR4:
 * the host handles machine checks, and clearing MCE would shut the CPU down on one; VMXE must be
 * set. The guest changes unmasked bits without an exit.
 */
#define VMX_CR0_KEPT	(X86_CR0_NE | X86_CR0_CD | X86_CR0_NW)
#define VMX_CR4_FREE	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT | X86_CR4_FSGSBASE | X86_CR4_SMEP | \
			 X86_CR4_SMAP)
#define VMX_CR4_KEPT	(~(u64)VMX_CR4_FREE)

/* Of these the guest may set MCE, which the host sets anyway, and OSXSAVE where there is XSAVE. */
static inline u64 vmx_cr4_refused(void)
{
	return VMX_CR4_KEPT & ~(u64)(X86_CR4_MCE | (axvcpu_x86_xstate.guest ? X86_CR4_OSXSAVE : 0));
}

/* Accessing a missing field is a bug of this module; guests cannot cause it. SDM 31.3. */
static inline void vmcs_write(unsigned long field, unsigned long val)
{
	bool failed;

	asm volatile("vmwrite %[val], %[field]" : "=@ccna" (failed)
		     : [val] "rm" (val), [field] "r" (field) : "memory");
	WARN_ON_ONCE(failed);
}

static inline unsigned long vmcs_read(unsigned long field)
{
	unsigned long val;
	bool failed;

	asm volatile("vmread %[field], %[val]" : "=@ccna" (failed), [val] "=r" (val)
		     : [field] "r" (field) : "memory");
	WARN_ON_ONCE(failed);
	return val;
}

/* vmx_cpu.c */
int vmx_hw_setup(void);
void vmx_hw_unsetup(void);
int vmx_cpu_supported(void);
int vmx_cpu_enable(void);
void vmx_cpu_disable(void);
u64 vmx_msr_bitmap(void);
int vmx_vpid_alloc(void);
void vmx_vpid_free(int vpid);
void vmx_invept(u64 eptp);
int vmx_vmcs_load(struct vmx *vmx);
void vmx_vmcs_put(struct vmx *vmx);
int vmx_begin(struct vmx *vmx);
void vmx_end(struct vmx *vmx);

/* vmx_host.c. Interrupts are off. */
void vmx_host_save(struct vmx *vmx);
void vmx_host_enter(struct vmx *vmx);
void vmx_host_leave(struct vmx *vmx);
void vmx_host_restore(struct vmx *vmx);

/* vmx_guest.c */
void vmx_guest_set_root(struct vmx *vmx, u64 root, u32 levels);
void vmx_guest_set_entry(struct vmx *vmx, u64 entry);
void vmx_guest_setup(struct vmx *vmx, const struct axvcpu_setup *setup);
void vmx_guest_reset(struct vmx *vmx);
void vmx_guest_set_crs(struct vmx *vmx, u64 cr0, u64 cr4);	/* as the guest sees them */
void vmx_guest_write(struct vmx *vmx);
void vmx_guest_write_regs(struct vmx *vmx);
void vmx_guest_read_regs(struct vmx *vmx);
bool vmx_guest_code64(void);
u32 vmx_guest_cpl(void);
bool vmx_guest_blocked(void);
void vmx_guest_controls(struct vmx *vmx, u32 set, u32 clear);

/* vmx_event.c. Interrupts are off. */
void vmx_retire(struct axvcpu *vcpu);
int vmx_raise(struct axvcpu *vcpu, u8 trap, u32 error);	/* returns AXVCPU_RAN_AGAIN */
void vmx_read_event(struct vmx *vmx);
void vmx_write_event(struct axvcpu *vcpu);
bool vmx_accepts(const struct axvcpu *vcpu, u8 vector);
void vmx_keep_event(struct vmx *vmx);
void vmx_check_pending_db(struct vmx *vmx);
void vmx_run_anew(void);

/* vmx_save.c */
int vmx_save_state(struct axvcpu *vcpu, void *arg);
int vmx_restore_state(struct axvcpu *vcpu, const void *arg);

/* vmx_exit.c: enum axvcpu_ran. Interrupts are off. */
int vmx_handle_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit);
int vmx_handle_failure(struct axvcpu *vcpu, struct axvcpu_exit *exit);
void vmx_handle_host_event(struct vmx *vmx);

/* vmx_entry.S: false when VMLAUNCH or VMRESUME failed, SDM 31.2. */
bool axvcpu_vmx_enter(u64 *gpr, unsigned long flags);
extern const char axvcpu_vmx_exit[];

#endif /* _AXVCPU_VMX_H */
