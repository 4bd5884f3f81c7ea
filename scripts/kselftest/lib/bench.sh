# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034,SC2153 # answers in variables, those of read_line too
#
# Benchmarks: the same thing done by several drivers of the same function, in the
# same guest. WHO is one of them:
#
#	guarded   pci_recovery
#	plain     pci_plain, bench/pci_plain: what C drivers do today
#	core      pci-stub: what the PCI core does by itself, or one call of it
#	stock     the driver that the kernel has for the device: lib/kernel_driver.sh
#
# The guest's time counts instructions (qemu -icount), so that what is measured in
# nanoseconds are instructions.

PLAIN_MODULE=${KT_MODULE%/*}/pci_plain.ko
# Longer than a window in which the driver limits its lines in the log: each
# measurement begins with a new one.
LOG_WINDOW=6

# bench_need: skips the whole test where there is nothing to compare with, or where
# time is not what is measured. No line goes to the console from here on: that takes
# longer than all else.
bench_need() {
	[ -e /etc/pci-recovery/icount ] ||
		skip_all "the time of this machine does not count instructions: make bench"
	[ -e "$PLAIN_MODULE" ] || skip_all "there is no pci_plain.ko beside the module"
	fault_possible || skip_all "$FAULT_REASON"
	read_line "$TOPOLOGY-name"
	BENCH_TOPOLOGY=$LINE
	at_exit bench_undo
	read_line /proc/sys/kernel/printk
	BENCH_PRINTK=$LINE
	echo 1 > /proc/sys/kernel/printk
	[ -d "/sys/bus/pci/drivers/pci_plain" ] || insmod "$PLAIN_MODULE"
	[ -d "$PCI_STUB_DIR" ] || kmod_load pci-stub
}

bench_undo() {
	fault_unload
	bench_bind guarded
	rmmod pci_plain
	echo "$BENCH_PRINTK" > /proc/sys/kernel/printk
}

# bench_says OPERATION WHO UNIT VALUE: for the harness, which has the table.
bench_says() {
	report "figure=$4 topology=$BENCH_TOPOLOGY operation=$1 who=$2 unit=$3"
}

# driver_of WHO: sets WHO_DRIVER, and WHO_FILES, its folder in debugfs. Of `stock` only
# after kernel_driver_find.
driver_of() {
	case $1 in
	guarded) WHO_DRIVER=pci_recovery ;;
	plain) WHO_DRIVER=pci_plain ;;
	core) WHO_DRIVER=pci-stub ;;
	stock) WHO_DRIVER=$KERNEL_DRIVER ;;
	esac
	WHO_FILES=/sys/kernel/debug/$WHO_DRIVER/$KT_DEVICE
}

# bench_bind WHO: gives the device under test to that driver; see driver_of.
bench_bind() {
	driver_of "$1"
	pci_driver "$KT_DEVICE"
	[ "$PCI_DRIVER" != "$WHO_DRIVER" ] || return 0
	[ -z "$PCI_DRIVER" ] || echo "$KT_DEVICE" > "$SYSFS_PCI/$KT_DEVICE/driver/unbind"
	driver_override "$KT_DEVICE" "$WHO_DRIVER"
	echo "$KT_DEVICE" > "/sys/bus/pci/drivers/$WHO_DRIVER/bind"
}

# counted OPERATION WHO COMMAND...: reports how many accesses to the config space of
# the bus COMMAND makes.
counted() {
	local operation who
	operation=$1
	who=$2
	shift 2
	fault_clear
	"$@"
	fault_counters
	# Plain C may do nothing at all.
	[ "$who" != guarded ] || [ "$ACCESSES" -gt 0 ] ||
		fail "no access of $operation was counted"
	bench_says "$operation" "$who" reads "$READS"
	bench_says "$operation" "$who" writes "$WRITES"
}

# took ARG...: `guest measure`, in a new window of the log. Sets CPU and TIME, the least
# that it took; the write must succeed, or fail with TOOK_ERRNO.
TOOK_ERRNO=OK
took() {
	local line
	sleep "$LOG_WINDOW"
	line=$(guest measure "$@")
	# shellcheck disable=SC2086 # its nine words
	set -- $line
	CPU=$2
	TIME=$6
	check_eq "errno of what is measured" "$9" "$TOOK_ERRNO"
}

# took_beyond FILE TEXT: as took, without what it takes to get to the driver: a write
# that is no command is refused before anything is done.
took_beyond() {
	local nothing
	TOOK_ERRNO=EINVAL
	took --times 8 "$1" 0
	nothing=$CPU
	TOOK_ERRNO=OK
	took --times 8 "$1" "$2"
	CPU=$((CPU - nothing))
}

# task_find NAME: sets TASK to the kernel thread whose name ends so.
task_find() {
	local comm
	TASK=
	for comm in /proc/[0-9]*/comm; do
		read_line "$comm"
		case $LINE in
		*"$1")
			TASK=${comm%/comm}
			return 0
			;;
		esac
	done
	return 1
}

# task_cpu: sets TASK_CPU to the nanoseconds that TASK has had, which sleeps now.
task_cpu() {
	read -r TASK_CPU _ < "$TASK/schedstat"
}

# lesser NAME VALUE: sets the variable NAME to VALUE, if that is less or NAME empty.
lesser() {
	local old
	eval "old=\$$1"
	# shellcheck disable=SC2154 # eval
	if [ -z "$old" ] || [ "$2" -lt "$old" ]; then
		eval "$1=\$2"
	fi
}

# The kernel's own tracing: which callback of the device took how long.
TRACING=/sys/kernel/tracing

# tracing_need EVENT...: these events are recorded until the test's end.
tracing_need() {
	local event
	[ -e "$TRACING/trace" ] || mount -t tracefs tracefs "$TRACING"
	[ -e "$TRACING/trace" ] || skip_all "the kernel has no tracefs"
	at_exit tracing_undo
	# Of the processor, as it counts them, and in an own unit: instructions.
	echo x86-tsc > "$TRACING/trace_clock"
	for event in "$@"; do
		echo 1 > "$TRACING/events/$event/enable"
	done
	echo 1 > "$TRACING/tracing_on"
}

# trace_times PROGRAM [VARIABLE=VALUE]...: an awk program over the trace; `now` is the
# time of each line.
trace_times() {
	local program
	program=$1
	shift
	awk "$@" '
		{ for (i = 2; i < NF; i++) if ($i ~ /^[0-9]+:$/) { now = $i + 0; break } }
		'"$program" "$TRACING/trace"
}

tracing_undo() {
	echo 0 > "$TRACING/events/enable"
	: > "$TRACING/trace"
}
