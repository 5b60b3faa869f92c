// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices in memory: an access to a hole is decoded by Zydis and answered by the device. Calls
 * Zydis and libaxas. The machine's lock is held by the caller of mmio_exit().
 *
 * Intel SDM vol. 1, 3.4.1.1: results of 32 bits are extended by zeroes to 64, those of 8 and 16
 * leave the other bits.
 */
#include "mmio.h"

#include <Zydis/Zydis.h>

static u64 mask(u32 bytes)
{
	return bytes >= 8 ? ~0ull : (1ull << 8 * bytes) - 1;
}

/* The number of a general register, and its place in it: Zydis numbers AH to BH after BL. */
static bool find_register(ZydisRegister reg, u32 *number, u32 *shift)
{
	*shift = 0;
	if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH) {
		*number = reg - ZYDIS_REGISTER_AH;
		*shift = 8;
		return true;
	}
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
		*number = reg < ZYDIS_REGISTER_AH ? reg - ZYDIS_REGISTER_AL :
			  reg - ZYDIS_REGISTER_SPL + AXVCPU_REG_RSP;
		return true;
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		*number = ZydisRegisterGetId(reg);
		return true;
	default:
		return false;
	}
}

static bool decode_write(const struct axvcpu_regs *regs, const ZydisDecodedOperand *from,
			 struct mmio *mmio)
{
	u32 reg, shift;

	mmio->write = true;
	if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		mmio->data = from->imm.value.u & mask(mmio->width);
		return true;
	}
	if (from->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    !find_register(from->reg.value, &reg, &shift))
		return false;
	mmio->data = regs->gpr[reg] >> shift & mask(mmio->width);
	return true;
}

static bool decode_read(const ZydisDecodedOperand *to, struct mmio *mmio)
{
	mmio->reg_width = to->size / 8;
	return to->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       find_register(to->reg.value, &mmio->reg, &mmio->shift);
}

static bool is_move(ZydisMnemonic mnemonic)
{
	return mnemonic == ZYDIS_MNEMONIC_MOV || mnemonic == ZYDIS_MNEMONIC_MOVZX ||
	       mnemonic == ZYDIS_MNEMONIC_MOVSX || mnemonic == ZYDIS_MNEMONIC_MOVSXD;
}

bool mmio_decode(const struct axvcpu_regs *regs, const u8 *insn, u32 len, struct mmio *mmio)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT], *memory;
	ZydisDecodedInstruction in;
	ZydisDecoder decoder;

	*mmio = (struct mmio){ 0 };
	if (!ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
					   ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, insn, len, &in, ops)))
		return false;
	if (!is_move(in.mnemonic) || in.operand_count_visible != 2)
		return false;
	memory = &ops[ops[0].type != ZYDIS_OPERAND_TYPE_MEMORY];
	if (memory->type != ZYDIS_OPERAND_TYPE_MEMORY || memory->size > 64)
		return false;
	mmio->len = in.length;
	mmio->width = memory->size / 8;
	mmio->sign = in.mnemonic == ZYDIS_MNEMONIC_MOVSX || in.mnemonic == ZYDIS_MNEMONIC_MOVSXD;
	return memory == ops ? decode_write(regs, &ops[1], mmio) : decode_read(ops, mmio);
}

void mmio_complete(struct axvcpu_regs *regs, const struct mmio *mmio, u64 val)
{
	u64 *reg = &regs->gpr[mmio->reg], bits = mask(mmio->reg_width) << mmio->shift;

	val &= mask(mmio->width);
	if (mmio->sign && val >> (8 * mmio->width - 1))
		val |= ~mask(mmio->width);
	if (mmio->reg_width == 4)
		*reg = 0;
	*reg = (*reg & ~bits) | (val << mmio->shift & bits);
}

static bool is_virtio(u64 gpa)
{
	return gpa >= VIRTIO_BASE && gpa < VIRTIO_BASE + NR_VIRTIO * VIRTIO_SIZE;
}

static void access_device(struct machine *m, u64 gpa, const struct mmio *mmio, u64 *val)
{
	u32 slot = (gpa - VIRTIO_BASE) / VIRTIO_SIZE, reg = gpa % VIRTIO_SIZE;

	if (mmio->write)
		virtio_write(m, slot, reg, mmio->data);
	else
		*val = virtio_read(m, slot, reg, mmio->width);
}

#define EFER_LMA	0x400u

bool mmio_exit(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	u64 gpa = exit->nested_page_fault.gpa, val = 0;
	struct axvcpu_regs regs;
	struct mmio mmio;

	if (!is_virtio(gpa) || axvcpu_get_regs(cpu->fd, &regs) || !(regs.efer & EFER_LMA) ||
	    !mmio_decode(&regs, exit->nested_page_fault.insn, exit->nested_page_fault.insn_len,
			 &mmio) ||
	    mmio.write != !!(exit->nested_page_fault.access & AXAS_PROT_WRITE))
		return false;
	access_device(cpu->m, gpa, &mmio, &val);
	if (!mmio.write)
		mmio_complete(&regs, &mmio, val);
	regs.rip += mmio.len;
	regs.flags = AXVCPU_REGS_RETIRED;
	return !axvcpu_set_regs(cpu->fd, &regs);
}
