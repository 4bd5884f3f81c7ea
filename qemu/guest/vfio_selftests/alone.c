// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VFIO selftests of the kernel need where there is neither libuuid nor
 * IOMMUFD, which Debian's kernel does not have. Linked into each of them.
 */
#include <stdio.h>

/* lib/iommu.c: of tests that do not choose one. */
extern const char *default_iommu_mode;

static void __attribute__((constructor)) choose_mode(void)
{
	default_iommu_mode = "vfio_type1v2_iommu";
}

/* Of libuuid. */
int uuid_parse(const char *text, unsigned char uuid[16]);

int uuid_parse(const char *text, unsigned char uuid[16])
{
	int i, length;

	for (i = 0; i < 16; i++) {
		if (*text == '-')
			text++;
		if (sscanf(text, "%2hhx%n", &uuid[i], &length) != 1 || length != 2)
			return -1;
		text += length;
	}
	return *text ? -1 : 0;
}
