# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The device and the module, for the shell suites of the tool.  Sourced after tap.bash.
#
# tap.bash sets what is not set here, and the suites use what is not used here.
# shellcheck disable=SC2034,SC2154

node=/dev/edudma0
stats=/sys/class/edudma/edudma0/statistics
qmp=$build/tests/tools/qmp
engine=$("$tool" info --json 2>/dev/null | gojq -r .engine)
slot=$(basename "$(readlink /sys/class/edudma/edudma0/device)")
# Nothing ever comes from it.
exec {never}<> <(:)

random() {
	head -c "$1" /dev/urandom
}

# only DIRECTORY NAME: this file, or none, is all that is in it
only() {
	[[ $(ls -A "$1") == "$2" ]] || { echo "in $1:"; ls -Al "$1"; return 1; }
}

# at_end COMMAND: run it when the test ends, the latest first
at_end() {
	ending="$1; ${ending:-}"
	# As it is now.
	# shellcheck disable=SC2064
	trap "$ending" EXIT
}

# mount_tmpfs DIRECTORY SIZE: until the test ends
mount_tmpfs() {
	mkdir "$1"
	mount -t tmpfs -o "size=$2" none "$1"
	at_end "umount '$PWD/$1'"
}

# machine_path: sets it, of QEMU's object for the device
machine_path() {
	local path place
	[[ -z ${machine_path:-} ]] || return 0
	# Which one it is in QEMU depends on the order in which they were found.
	place=$((16#${slot:8:2} << 3 | ${slot:11}))
	for path in /machine/peripheral/edu{0..7}; do
		[[ $("$qmp" qom-get "{'path': '$path', 'property': 'addr'}" 2>/dev/null) == "$place" ]] &&
			break
	done
	machine_path=$path
}

# machine PROPERTY VALUE: of an edu-sg
machine() {
	machine_path
	"$qmp" qom-set "{'path': '$machine_path', 'property': '$1', 'value': $2}" >/dev/null
}

# slow_down NANOSECONDS: for each hardware transfer of an edu-sg, until the test
# ends; plain edu is slow anyway
slow_down() {
	local property=latency before
	[[ $engine == ring ]] || property=legacy-latency
	machine_path
	before=$("$qmp" qom-get "{'path': '$machine_path', 'property': '$property'}" 2>/dev/null) ||
		return 0
	at_end "machine $property $before"
	machine "$property" "$1"
}

# stand_still: the device begins with what it is given, and does nothing more,
# until the test ends or it is let_go; it takes 100 ms if it is an edu to the driver
stand_still() {
	if [[ $engine == ring ]]; then
		at_end let_go
		machine fault-stall 255
	else
		slow_down 100000000
	fi
}

let_go() {
	[[ $engine != ring ]] || machine fault-stall 0
}

window() {
	"$tool" info --json | gojq .window_bytes
}

# start COMMAND...: in the background, where bash would ignore SIGINT
start() {
	env --default-signal=INT "$@" >out 2>err &
	job=$!
}

# wait_until WHAT COMMAND...: until the command succeeds.  Tries are counted, so a slow
# machine has more time.
wait_until() {
	local what=$1 i
	shift
	for ((i = 0; i < 600; i++)); do
		"$@" && return
		# Starting "sleep" would keep the machine busier than what is waited for.
		read -rt 0.05 -u "$never" || :
	done
	echo "waited in vain until $what"
	return 1
}

more_descriptors_than() {
	[[ $(<"$stats/descriptors") -gt $1 ]]
}

# Until the device has been given more than it had.
wait_for_transfer() {
	wait_until 'a transfer has begun' more_descriptors_than "$1"
}

need_module() {
	[[ -f ${EDUDMA_MODULE:-} ]] || skip 'EDUDMA_MODULE does not name an edudma.ko'
}

load_as_before() {
	# The lane's parameters are words.
	# shellcheck disable=SC2086
	"$tool" load --module "$EDUDMA_MODULE" ${EDUDMA_MODULE_PARAMS:-} >/dev/null
}
