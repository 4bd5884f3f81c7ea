// SPDX-License-Identifier: GPL-2.0-only
/*
 * A part of pci_recovery's guard, written in C by hand: the checks of the header,
 * the BARs and Command (rust/guard/header.rs, bars.rs, save.rs), and the texts of
 * the refusals (rust/guard/refusal.rs). It is compiled for its size, which tells
 * how much larger the same is in Rust, and never loaded.
 */

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/pci.h>

#define PART_WORDS	16
#define PART_BARS	6
#define ALL_ONES	U32_MAX
#define IDS_NOT_READY	0xffff0001

enum part_kind { PART_NONE, PART_IO, PART_MEM32, PART_MEM64 };

struct part_bar {
	u64 address;
	enum part_kind kind;
};

/* What the kernel knows of a function. */
struct part_function {
	bool is_bridge;
	bool is_vf;
	bool enabled;
	bool bus_master;
	bool has_buses;
	u8 primary;
	u8 secondary;
	u8 subordinate;
	u32 ids;
	u32 class_revision;
	u32 subsystem;
	struct part_bar bars[PART_BARS];
	u32 saved_before[PART_WORDS];
};

enum part_why {
	PART_OK,
	PART_FROZEN,
	PART_DEAD,
	PART_POWERED_OFF,
	PART_RECOVERING,
	PART_INACCESSIBLE,
	PART_LOST,
	PART_RESET,
	PART_ALL_ONES,
	PART_UNEXPECTED,
	PART_INVALID,
	PART_WIPED,
	PART_DISABLED,
	PART_LOOP,
	PART_ASTRAY,
	PART_TRUNCATED,
	PART_ZEROED,
	PART_CAPABILITY,
	PART_CORE,
};

struct part_refusal {
	enum part_why why;
	const char *name;
	u32 found;
	u32 expected;
};

static const char * const part_names[2][PART_WORDS] = {
	{
		"PCI_VENDOR_ID", "PCI_COMMAND", "PCI_CLASS_REVISION",
		"PCI_CACHE_LINE_SIZE", "PCI_BASE_ADDRESS_0", "PCI_BASE_ADDRESS_1",
		"PCI_BASE_ADDRESS_2", "PCI_BASE_ADDRESS_3", "PCI_BASE_ADDRESS_4",
		"PCI_BASE_ADDRESS_5", "PCI_CARDBUS_CIS", "PCI_SUBSYSTEM_VENDOR_ID",
		"PCI_ROM_ADDRESS", "PCI_CAPABILITY_LIST", "reserved",
		"PCI_INTERRUPT_LINE",
	}, {
		"PCI_VENDOR_ID", "PCI_COMMAND", "PCI_CLASS_REVISION",
		"PCI_CACHE_LINE_SIZE", "PCI_BASE_ADDRESS_0", "PCI_BASE_ADDRESS_1",
		"PCI_PRIMARY_BUS", "PCI_IO_BASE", "PCI_MEMORY_BASE",
		"PCI_PREF_MEMORY_BASE", "PCI_PREF_BASE_UPPER32",
		"PCI_PREF_LIMIT_UPPER32", "PCI_IO_BASE_UPPER16",
		"PCI_CAPABILITY_LIST", "PCI_ROM_ADDRESS1", "PCI_INTERRUPT_LINE",
	},
};

static struct part_refusal part_refuse(enum part_why why, const char *name,
				       u32 found, u32 expected)
{
	return (struct part_refusal){ why, name, found, expected };
}

static struct part_refusal part_refuse_word(const struct part_function *function,
					    enum part_why why, int index,
					    u32 found, u32 expected)
{
	return part_refuse(why, part_names[function->is_bridge][index], found, expected);
}

static bool part_is_upper_half(const struct part_function *function, int index)
{
	return index >= 5 && index < 4 + PART_BARS &&
	       function->bars[index - 5].kind == PART_MEM64;
}

static bool part_may_be_all_ones(const struct part_function *function, int index)
{
	switch (index) {
	case 0:
		return function->is_vf;
	case 2:
		return function->class_revision == ALL_ONES;
	case 1:
	case 3:
	case 13:
	case 15:
		return false;
	case 4:
	case 5:
		return part_is_upper_half(function, index);
	}
	if (function->is_bridge) {
		if ((index >= 6 && index <= 9) || index == 14)
			return false;
	} else {
		if (index <= 9)
			return part_is_upper_half(function, index);
		if (index == 11)
			return function->subsystem == ALL_ONES;
		if (index == 12)
			return false;
	}
	return function->saved_before[index] == ALL_ONES;
}

static noinline struct part_refusal
part_check_words(const u32 *header, const struct part_function *function)
{
	u32 pointer = header[13] & 0xff;
	u32 type = header[3] >> 16 & 0x7f;
	int i;

	for (i = 0; i < PART_WORDS; i++)
		if (header[i] == ALL_ONES && !part_may_be_all_ones(function, i))
			return part_refuse_word(function, PART_ALL_ONES, i, 0, 0);
	if (type != function->is_bridge)
		return part_refuse(PART_UNEXPECTED, "PCI_HEADER_TYPE", type,
				   function->is_bridge);
	if ((header[0] == 0 || header[0] == IDS_NOT_READY) && header[0] != function->ids)
		return part_refuse_word(function, PART_UNEXPECTED, 0, header[0],
					function->ids);
	if (header[1] & PCI_STATUS_CAP_LIST << 16 && pointer < 0x40)
		return part_refuse_word(function, PART_INVALID, 13, pointer, 0);
	if (function->has_buses) {
		u32 expected = function->primary | function->secondary << 8 |
			       function->subordinate << 16;
		u32 found = header[6] & 0xffffff;

		if (found != expected)
			return part_refuse_word(function, PART_UNEXPECTED, 6, found,
						expected);
	}
	return part_refuse(PART_OK, NULL, 0, 0);
}

static u64 part_address(const u32 *header, int index, enum part_kind kind)
{
	switch (kind) {
	case PART_IO:
		return header[index] & PCI_BASE_ADDRESS_IO_MASK;
	case PART_MEM32:
		return header[index] & PCI_BASE_ADDRESS_MEM_MASK;
	default:
		return (u64)header[index + 1] << 32 |
		       (header[index] & (u32)PCI_BASE_ADDRESS_MEM_MASK);
	}
}

static u32 part_flags(u32 low, enum part_kind kind)
{
	switch (kind) {
	case PART_IO:
		return (low & ~(u32)PCI_BASE_ADDRESS_IO_MASK) | PCI_BASE_ADDRESS_SPACE_IO;
	case PART_MEM32:
		if (!(low & PCI_BASE_ADDRESS_SPACE_IO) &&
		    (low & 7) != PCI_BASE_ADDRESS_MEM_TYPE_64)
			return low & ~(u32)PCI_BASE_ADDRESS_MEM_MASK;
		return low & PCI_BASE_ADDRESS_MEM_PREFETCH;
	default:
		return (low & PCI_BASE_ADDRESS_MEM_PREFETCH) | PCI_BASE_ADDRESS_MEM_TYPE_64;
	}
}

static int part_bars(const struct part_function *function)
{
	return function->is_bridge ? 2 : PART_BARS;
}

static noinline struct part_refusal
part_check_bars(const u32 *header, const struct part_function *function)
{
	bool all_zero = true;
	u32 wrong_expected = 0;
	int wrong = -1;
	int i;

	for (i = 0; i < part_bars(function); i++) {
		const struct part_bar *bar = &function->bars[i];
		u32 low = header[4 + i];
		u32 expected;
		u64 found;

		if (bar->kind == PART_NONE)
			continue;
		found = part_address(header, 4 + i, bar->kind);
		all_zero &= !found;
		expected = (u32)bar->address | part_flags(low, bar->kind);
		if ((found != bar->address || low != expected) && wrong < 0) {
			wrong = i;
			wrong_expected = expected;
		}
	}
	if (wrong < 0)
		return part_refuse(PART_OK, NULL, 0, 0);
	if (all_zero)
		return part_refuse(PART_WIPED, NULL, 0, 0);
	i = 4 + wrong;
	if (header[i] == wrong_expected) {
		i++;
		wrong_expected = function->bars[wrong].address >> 32;
	}
	return part_refuse_word(function, PART_UNEXPECTED, i, header[i], wrong_expected);
}

static noinline struct part_refusal
part_check_command(const u32 *header, const struct part_function *function)
{
	u16 command = header[1];
	bool decodes = false;
	int i;

	for (i = 0; i < part_bars(function); i++)
		decodes |= function->bars[i].kind > PART_IO;
	if ((function->enabled && decodes && !function->is_vf &&
	     !(command & PCI_COMMAND_MEMORY)) ||
	    (function->bus_master && !(command & PCI_COMMAND_MASTER)))
		return part_refuse(PART_DISABLED, NULL, command, 0);
	return part_refuse(PART_OK, NULL, 0, 0);
}

static bool part_is_seldom_all_ones(bool is_bridge, int index)
{
	if (is_bridge)
		return index >= 10 && index <= 12;
	return index == 10 || index == 14;
}

static u32 part_read_only(bool is_bridge, int index)
{
	switch (index) {
	case 0:
	case 2:
		return ALL_ONES;
	case 3:
		return 0x00ff0000;
	case 13:
		return 0x000000ff;
	case 10:
	case 11:
		return is_bridge ? 0 : ALL_ONES;
	case 15:
		return 0x0000ff00;
	default:
		return 0;
	}
}

static __used noinline struct part_refusal
part_check_header(const u32 *header, const struct part_function *function,
		  const u32 *known_good)
{
	struct part_refusal refusal;
	int i;

	refusal = part_check_words(header, function);
	if (refusal.why)
		return refusal;
	refusal = part_check_bars(header, function);
	if (refusal.why)
		return refusal;
	refusal = part_check_command(header, function);
	if (refusal.why || !known_good)
		return refusal;
	for (i = 0; i < PART_WORDS; i++) {
		u32 mask = part_read_only(function->is_bridge, i);

		if (header[i] == known_good[i])
			continue;
		if (header[i] == ALL_ONES && part_is_seldom_all_ones(function->is_bridge, i))
			return part_refuse_word(function, PART_ALL_ONES, i, 0, 0);
		if ((header[i] ^ known_good[i]) & mask)
			return part_refuse_word(function, PART_UNEXPECTED, i,
						header[i] & mask, known_good[i] & mask);
	}
	return refusal;
}

static __used noinline int part_text(const struct part_refusal *refusal, char *text, size_t size)
{
	const char *name = refusal->name;
	u32 found = refusal->found;

	switch (refusal->why) {
	case PART_FROZEN:
		return scnprintf(text, size, "the channel is frozen");
	case PART_DEAD:
		return scnprintf(text, size, "the channel is in permanent failure");
	case PART_POWERED_OFF:
		return scnprintf(text, size, "the function is in D3cold");
	case PART_RECOVERING:
		return scnprintf(text, size,
				 "an error was reported and the function is not restored yet");
	case PART_INACCESSIBLE:
		return scnprintf(text, size, "config space reads all-ones");
	case PART_LOST:
		return scnprintf(text, size,
				 "config space reads all-ones after the save, it was lost half-way");
	case PART_RESET:
		return scnprintf(text, size,
				 "PCI_COMMAND read %#06x and after the save %#06x, it was reset half-way",
				 found, refusal->expected);
	case PART_ALL_ONES:
		return scnprintf(text, size, "%s reads all-ones", name);
	case PART_UNEXPECTED:
		return scnprintf(text, size, "%s reads %#010x, not %#010x", name, found,
				 refusal->expected);
	case PART_INVALID:
		return scnprintf(text, size, "%s reads %#x, which it cannot be", name, found);
	case PART_WIPED:
		return scnprintf(text, size, "wiped: the assigned BARs read 0, it was reset");
	case PART_DISABLED:
		return scnprintf(text, size,
				 "wiped: PCI_COMMAND reads %#06x, it lost what was enabled", found);
	case PART_LOOP:
		return scnprintf(text, size, "a capability list loops, it comes back to %#05x",
				 found);
	case PART_ASTRAY:
		return scnprintf(text, size,
				 "a capability list leads to %#05x, which reads all-ones", found);
	case PART_TRUNCATED:
		return scnprintf(text, size, "the capability at %#05x is in no list any more",
				 found);
	case PART_ZEROED:
		return scnprintf(text, size, "wiped: the %s capability reads 0", name);
	case PART_CAPABILITY:
		return scnprintf(text, size, "a word of %scapability %#04x reads all-ones",
				 refusal->expected ? "extended " : "", found);
	case PART_CORE:
		return scnprintf(text, size, "pci_save_state() failed with %d", (int)found);
	default:
		return 0;
	}
}

MODULE_DESCRIPTION("FOR BENCHMARKS: a part of pci_recovery's guard in C, for its size");
MODULE_LICENSE("GPL");
