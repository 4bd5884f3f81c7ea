#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: conventional
# timeout: 1200
# weight: 30
# forgiven: WARNING: at remove_proc_entry
#
# Each allocation of the probe and of the unbind of edu_recovery fails: its
# interrupt, its DMA buffer, its registers, its workqueue. As failslab_probe.
#
# The kernel warns where the files in /proc/irq could not be made that it takes away
# with the interrupt (unregister_irq_proc()).

# shellcheck disable=SC2034 # the libraries read them
# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/edu.sh
. "$KT_DIR/lib/edu.sh"
# shellcheck source=../../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"
# shellcheck source=../../lib/failslab_bind.sh
. "$KT_DIR/lib/failslab_bind.sh"

# What the driver keeps of the kernel besides: its interrupt and its registers.
irq_and_region() {
	local line
	IRQS=0
	while read -r line; do
		case $line in
		*" $EDU_DRIVER") IRQS=$((IRQS + 1)) ;;
		esac
	done < /proc/interrupts
	REGIONS=0
	while read -r line; do
		case $line in
		*" : $EDU_DRIVER") REGIONS=$((REGIONS + 1)) ;;
		esac
	done < /proc/iomem
}

# It has all of it, or nothing.
bound_and_alive() {
	local want
	irq_and_region
	want=1
	[ "$RESULT" = ok ] || want=0
	[ "$IRQS $REGIONS" = "$want $want" ] ||
		wrong "bound: $want, interrupts: $IRQS, regions: $REGIONS"
	bound_or_nothing "$1"
	edu_mark
	edu_load 2
	wait_for "$KT_WAIT" edu_idle || wrong "its requests are not answered"
	edu_get failed
	[ "$EDU_VALUE" = 0 ] || wrong "a request has failed"
}

probe() {
	sweep_before() {
		unbind
	}
	failslab_sweep edu_probe yes path_bind bound_and_alive
	diag "probe: bound $PARTIAL times without all of its debugfs files"
}

unbinding() {
	sweep_before() {
		:
	}
	failslab_sweep edu_unbind maybe path_unbind unbound
}

# As the libraries found it.
undo() {
	KT_DEVICE=$TESTED
	DRIVER=pci_recovery
	DRIVER_DIR=/sys/bus/pci/drivers/$DRIVER
	DEBUGFS=/sys/kernel/debug/$DRIVER
}

edu_need
edu_bus
edu_take "$EDU0"
at_exit undo
TESTED=$KT_DEVICE
KT_DEVICE=$EDU0
DRIVER=$EDU_DRIVER
DRIVER_DIR=/sys/bus/pci/drivers/$DRIVER
DEBUGFS=$EDU_DEBUGFS
# pci_request_region() says that it is busy whatever is wrong, MSI that there is none, or
# that there is no room.
BIND_ERRNOS="ENOMEM EBUSY ENODEV ENOSPC"
failslab_need
sweep_setup
bind_reference
subtests probe unbinding
