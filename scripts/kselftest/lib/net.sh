# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Traffic through the device under test, a network adapter in the hands of e1000e: to
# another adapter (`peer`) on the same network, in a namespace of its own, which sends
# back what it gets.

NET_DRIVER=/sys/bus/pci/drivers/e1000e
NET_KIB=256
NET_OWN=192.0.2.1
NET_PEER=192.0.2.2
NET_SPACE=

# net_need: has traffic until the test's end; skips the whole test where there cannot be any.
net_need() {
	local module
	for module in e1000e virtio_net; do
		kmod_possible "$module" || skip_all "no module $module"
	done
	device_bdf peer || skip_all "the topology has no second adapter, peer"
	kmod_load e1000e
	kmod_load virtio_net
	at_exit net_undo
	wait_for "$KT_WAIT" net_name "$BDF" || skip_all "the second adapter has no interface"
	unshare -n sleep 100000 &
	NET_SPACE=$!
	wait_for "$KT_WAIT" net_is_apart || skip_all "there are no network namespaces"
	ip link set "$NET_NAME" netns "$NET_SPACE"
	nsenter -t "$NET_SPACE" -n sh -c "
		ip addr add $NET_PEER/24 dev $NET_NAME
		ip link set $NET_NAME up
		exec nc -ll -p 7 -e cat
	" 2> "$KT_TMP/net.peer" &
	NET_ECHO=$!
}

net_is_apart() {
	[ "$(readlink "/proc/$NET_SPACE/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

net_undo() {
	[ -z "$NET_SPACE" ] || kill "$NET_ECHO" "$NET_SPACE" || :
}

# net_name BDF: sets NET_NAME to its interface; false where it has none.
net_name() {
	local dir
	for dir in "$SYSFS_PCI/$1"/net/* "$SYSFS_PCI/$1"/*/net/*; do
		NET_NAME=${dir##*/}
		[ ! -e "$dir/operstate" ] || return 0
	done
	return 1
}

# net_bind: gives the device to e1000e, and an address.
net_bind() {
	! bound "$KT_DEVICE" || driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" e1000e
	write_errno "$NET_DRIVER/bind" "$KT_DEVICE"
	wait_for "$KT_WAIT" net_name "$KT_DEVICE" || return 1
	ip addr add "$NET_OWN/24" dev "$NET_NAME"
	net_up
}

# net_up: the interface is switched on, and has a link. net_again: off and on, for which the
# driver sets the adapter up anew.
net_up() {
	ip link set "$NET_NAME" up
	wait_for "$KT_WAIT" net_has_link
}

net_has_link() {
	read_line "/sys/class/net/$NET_NAME/carrier"
	[ "$LINE" = 1 ]
} 2> /dev/null

net_again() {
	ip link set "$NET_NAME" down
	net_up
}

# net_transfer: random bytes go to the peer and come back, the same ones. Sets NET_BYTES to
# how many have come back and are right.
net_transfer() {
	dd if=/dev/urandom of="$KT_TMP/net.out" bs=1k count="$NET_KIB" 2> /dev/null
	timeout 20 nc -w 10 "$NET_PEER" 7 < "$KT_TMP/net.out" > "$KT_TMP/net.in" 2> "$KT_TMP/net.error" || :
	NET_BYTES=$(wc -c < "$KT_TMP/net.in")
	cmp -s "$KT_TMP/net.out" "$KT_TMP/net.in"
}

# check_net WHEN
check_net() {
	net_transfer || fail "$NET_BYTES of $((NET_KIB * 1024)) bytes come back $1: $(cat "$KT_TMP/net.error")"
}
