#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tool, the library's files and the manual where there is no device.
# Runs on the host, as any user.
#
# Skips: *: the module is loaded here
# Skips: full_disk_is_noticed: no /dev/full
# Skips: manual_is_well_formed: no groff
# Skips: manual_pleases_mandoc: no mandoc
# Skips: completion_for_zsh_is_well_formed: no zsh
# Skips: completion_for_fish_is_well_formed: no fish

# shellcheck source=tests/lib/tap.bash
. "$(dirname "$(readlink -f "$0")")/../../lib/tap.bash"

commands='list info load unload read write copy stats bench capture play selftest doctor why reset trace'

no_driver() {
	[[ ! -e /sys/module/edudma ]] || skip "the module is loaded here"
}

test_version_is_told() {
	run 0 "$tool" --version
	grep -qx 'edudma [0-9]*\.[0-9]*\.[0-9]*' out
	silent err
	cp out long
	run 0 "$tool" -V
	cmp out long
	local word
	for word in $commands; do
		run 0 "$tool" "$word" --version
		silent err
		cmp out long
		run 0 "$tool" "$word" -V
		cmp out long
	done
}

test_help_names_the_commands() {
	local word
	run 0 "$tool" --help
	silent err
	for word in $commands; do
		grep -q "^  $word  *[A-Z]" out
	done
	printed 'Exit status'
	cp out long
	local way
	for way in help 'help help' 'help --help' 'help -h'; do
		# Words are meant.
		# shellcheck disable=SC2086
		run 0 "$tool" $way
		cmp out long
	done
}

test_each_command_has_help() {
	local word
	for word in $commands; do
		run 0 "$tool" "$word" --help
		silent err
		printed "Usage: edudma $word"
		printed '--help'
		cp out long
		run 0 "$tool" help "$word"
		cmp out long
		run 0 "$tool" "$word" -h
		cmp out long
	done
}

test_wrong_usage_is_2() {
	run 2 "$tool"
	said "Try 'edudma --help'"
	run 2 "$tool" frobnicate
	said "unknown command 'frobnicate'"
	run 2 "$tool" --frobnicate
	said "unknown option '--frobnicate'"
	run 2 "$tool" help frobnicate
	said "unknown command 'frobnicate'"
	silent out
	run 2 "$tool" help info surplus
	said "unexpected argument 'surplus'"
}

test_wrong_options_are_named() {
	local word
	for word in $commands; do
		run 2 "$tool" "$word" --frobnicate
		said "edudma: $word: unknown or ambiguous option '--frobnicate'"
		said "Try 'edudma $word --help'"
		run 2 "$tool" "$word" -Z
		said "unknown option '-Z'"
	done
	run 2 "$tool" read --offset
	said "option '--offset' needs a value"
	run 2 "$tool" list --json=yes
	said "option '--json=yes' takes no value"
}

test_wrong_arguments_are_named() {
	local word
	for word in list unload read write stats bench selftest capture; do
		run 2 "$tool" "$word" surplus
		said "unexpected argument 'surplus'"
	done
	for word in info doctor reset; do
		run 2 "$tool" "$word" 0 surplus
		said "unexpected argument 'surplus'"
	done
	run 2 "$tool" play one surplus
	said "unexpected argument 'surplus'"
	run 2 "$tool" why
	said 'one file is needed'
	run 2 "$tool" why one two
	said 'one file is needed'
	run 2 "$tool" why --pid 1
	said 'an address is needed'
	run 2 "$tool" why --pid 1 0x1000 1 surplus
	said 'an address is needed'
	run 2 "$tool" copy one
	said 'two files are needed'
	run 2 "$tool" copy one two three
	said 'two files are needed'
	run 2 "$tool" copy --json one -
	said 'standard output'
	run 2 "$tool" load 'chunk_bytes=1 2'
	said 'name=value'
	run 2 "$tool" load ''
}

test_wrong_values_are_named() {
	local value
	for value in -1 x 1KB 1T '' 18446744073709551616; do
		run 2 "$tool" read --offset "$value"
		said "--offset: '$value' is not a size"
		run 2 "$tool" read --length "$value"
		said "--length: '$value' is not a size"
		run 2 "$tool" write --offset "$value"
		said "--offset: '$value' is not a size"
	done
	for value in 0 -1 x nan inf 1e9; do
		run 2 "$tool" stats --watch "$value"
		said "--watch: '$value' is not"
	done
	run 2 "$tool" stats --watch 1 --count x
	said "--count: 'x' is not a number"
	run 2 "$tool" stats --count 1
	said '--count needs --watch'
	run 2 "$tool" info --device ''
	said '--device needs'
	run 2 "$tool" read --hex --raw
	said '--hex and --raw'
	for value in 0 65 x; do
		run 2 "$tool" copy --depth "$value" in out
		said "--depth: '$value' is not in 1 to 64"
	done
	for value in 0 4097 x; do
		run 2 "$tool" bench --depth "$value"
		said "--depth: '$value' is not in 1 to 4096"
	done
	for value in 0 2G x; do
		run 2 "$tool" bench --block "$value"
		said "--block: '$value' is not a size from 1 to 1G"
	done
	run 2 "$tool" bench --offset x
	said "--offset: 'x' is not a size"
	run 2 "$tool" bench --length x
	said "--length: 'x' is not a size"
	run 2 "$tool" bench --time 0
	said "--time: '0' is not in 0.01 to 86400 seconds"
	run 2 "$tool" bench --count 0
	said "--count: '0' is not a number of requests"
	run 2 "$tool" bench --mode fast
	said "--mode: 'fast' is not sync, io_uring, fixed, registered"
	for value in 0 x -1 4294967296; do
		run 2 "$tool" why --pid "$value" 0x1000
		said "--pid: '$value' is not the number of a process"
	done
	run 2 "$tool" why --pid 1 x
	said "'x' is not an address"
	run 2 "$tool" why --pid 1 0x1000 0
	said "'0' is not a length"
	run 2 "$tool" bench --direction up
	said "--direction: 'up' is not read, write or mixed"
}

test_trace_needs_a_command_and_a_known_ending() {
	run 2 "$tool" trace
	said 'a command is needed'
	run 2 "$tool" trace --output x.png true
	said "--output: 'x.png' does not end in .svg, .html or .json"
	local value
	for value in 1 8191 2G x; do
		run 2 "$tool" trace --buffer "$value" true
		said "--buffer: '$value' is not a size from 8K to 1G"
	done
	run 1 setpriv --reuid=65534 --clear-groups "$tool" trace true
	said 'run as root'
}

test_wrong_values_of_streams_are_named() {
	local word value
	for word in capture play; do
		for value in 0 -1 x; do
			run 2 "$tool" "$word" --count "$value"
			said "--count: '$value' is not a number of frames"
		done
		for value in 63 17M x ''; do
			run 2 "$tool" "$word" --frame "$value"
			said "--frame: '$value' is not a size from 64 to 16M"
		done
		for value in 0 1025 x; do
			run 2 "$tool" "$word" --buffers "$value"
			said "--buffers: '$value' is not in 1 to 1024"
		done
		for value in x 10:0 10: :5 60001; do
			run 2 "$tool" "$word" --stall "$value"
			said "--stall: '$value' is not milliseconds up to 60000, or MS:EVERY"
		done
		run 2 "$tool" "$word" --rate 1KB
		said "--rate: '1KB' is not a number of bytes per second"
		run 2 "$tool" "$word" --time 0
		said "--time: '0' is not in 0.01 to 86400 seconds"
		run 2 "$tool" "$word" --pattern noise
		said "--pattern: 'noise' is not counter, prbs31 or ramp"
		run 2 "$tool" "$word" --count 1 --time 1
		said '--count and --time cannot both say when to stop'
		run 2 "$tool" "$word" --rate 18 --frame 64K
		said '--rate: 18 is less than a frame an hour'
		run 2 "$tool" "$word" --frame 16M --buffers 65
		said '--buffers times --frame is more than 1 GiB'
	done
	run 2 "$tool" capture --policy newest
	said "--policy: 'newest' is not drop-new, drop-old or end"
	run 2 "$tool" capture --json --output -
	said '--json and the frames cannot both go to standard output'
}

test_options_that_do_not_fit_together_are_told() {
	run 2 "$tool" bench --mode sync --depth 2
	said '--mode sync has one request at a time: leave out --depth'
	run 2 "$tool" bench --depth 1025 --block 1M
	said '--depth times --block is more than 1 GiB'
	run 2 "$tool" bench --direction write
	said '--direction write overwrites the window, and needs --overwrite'
	run 2 "$tool" bench --overwrite
	said '--overwrite is for --direction write and mixed'
}

test_no_devices_is_no_failure() {
	no_driver
	run 0 "$tool" list
	silent out
	said "try 'edudma load'"
	run 0 "$tool" list --json
	json '. == []'
}

test_without_a_device_the_way_out_is_told() {
	local way="/dev/edudma0: No such device (is the module loaded? try 'edudma load')"
	no_driver
	echo x >in
	run 1 "$tool" info
	said "edudma: info: $way"
	run 1 "$tool" info 0
	said "$way"
	run 1 "$tool" read --output x
	said "edudma: read: $way"
	run 1 "$tool" write --input in
	said "edudma: write: $way"
	run 1 "$tool" copy in x
	said "edudma: copy: $way"
	run 1 "$tool" stats
	said "edudma: stats: $way"
	run 1 "$tool" bench
	said "edudma: bench: $way"
	run 1 "$tool" capture --output x
	said "edudma: capture: $way"
	run 1 "$tool" play in
	said "edudma: play: $way"
	run 1 "$tool" selftest
	said "edudma: selftest: $way"
	run 1 "$tool" why in
	said "edudma: why: $way"
	run 1 "$tool" reset
	said "edudma: reset: $way"
	[[ ! -e x ]]
}

# What is missing is told, and what needs it is not tried.
test_doctor_without_a_driver() {
	no_driver
	run 1 "$tool" doctor
	silent err
	grep -q '^fail  loaded     the module is not loaded' out
	run 1 "$tool" doctor --json
	json '.failed > 0 and (.checks | map(.check) | index("transfer") | not)'
	json '.checks | all(.status == "ok" or .way_out)'
}

test_what_is_no_device_is_told() {
	local word
	for word in info read stats; do
		run 1 "$tool" "$word" --device /dev/null
		said '/dev/null'
		said 'not an edudma device'
		run 1 "$tool" "$word" --device /dev/no-such-node
		said '/dev/no-such-node: No such file or directory'
	done
}

test_module_that_is_not_there() {
	no_driver
	run 1 "$tool" load --module ./no-such.ko
	said './no-such.ko: No such file or directory'
	run 1 "$tool" unload
	said 'not loaded'
	modinfo edudma >/dev/null 2>&1 && return
	run 1 "$tool" load
	said "no module edudma in /lib/modules/$(uname -r)"
	said '--module PATH'
}

test_full_disk_is_noticed() {
	local status=0
	[[ -c /dev/full ]] || skip 'no /dev/full'
	"$tool" --help >/dev/full 2>err || status=$?
	[[ $status == 1 ]]
	said 'standard output: No space left on device'
}

test_examples_fail_without_a_device() {
	local name
	for name in rw iovec mmap uring aio buffers grabber recorder board; do
		run 1 "$examples/$name" /dev/no-such-node
		said '/dev/no-such-node: No such file'
		run 1 "$examples/$name" /dev/null
		silent out
	done
}

libraries='libedudma libedudma-uring'

# headers LIBRARY
headers() {
	local include=$top/userspace/include
	case $1 in
	libedudma)	echo "$include"/edudma{,_stream}.h ;;
	*)		echo "$include/edudma_${1#libedudma-}.h" ;;
	esac
}

# Each function of the header is exported, and nothing else is.
test_libraries_export_their_headers() {
	local library files
	for library in $libraries; do
		read -ra files <<<"$(headers "$library")"
		nm -D --defined-only "$build/userspace/$library.so" |
			sed -n 's/.* T \(.*\)@@LIBEDUDMA_.*/\1/p' | sort >exported
		# Others are inline.
		sed -n '/^static inline/,/^{/d; s/^[a-z].*[ *]\(edudma_[a-z_]*\)(.*/\1/p' \
			"${files[@]}" | sort >declared
		[[ -s declared ]]
		diff declared exported
	done
}

test_libraries_have_a_soname() {
	local library soname
	for library in $libraries; do
		soname=$(objdump -p "$build/userspace/$library.so" |
			sed -n 's/.*SONAME *//p')
		[[ $soname == "$library".so.[0-9]* && -e $build/userspace/$soname ]]
	done
}

test_libraries_neither_print_nor_exit() {
	nm -u "$build/userspace"/libedudma*.a >undefined
	if grep -wE 'printf|puts|fputs|fprintf|perror|exit|_exit|abort|stdout|stderr' undefined; then
		return 1
	fi
}

# Programs that do not use io_uring need not have it.
test_library_does_without_liburing() {
	local file
	for file in libedudma.so examples/rw; do
		objdump -p "$build/userspace/$file" >needed
		grep -q 'NEEDED .*libc\.so' needed
		if grep liburing needed; then
			return 1
		fi
	done
}

test_headers_stand_alone() {
	local flags=(-Wall -Wextra -Werror -fsyntax-only
		-I"$top/userspace/include" -I"$top/uapi")
	echo '#include <edudma_stream.h>' >alone.c
	echo '#include <edudma_uring.h>' >uring.c
	"${CC:-cc}" -std=c11 -pedantic "${flags[@]}" alone.c
	# liburing wants more than C11.
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE "${flags[@]}" uring.c
	if command -v c++ >/dev/null; then
		c++ -std=c++11 -pedantic -x c++ "${flags[@]}" alone.c
		c++ -std=gnu++11 -x c++ "${flags[@]}" uring.c
	fi
}

# A program is built from what was installed, and nothing stays behind.
test_install_and_uninstall() {
	local root=$PWD/root
	local make=(make -s -C "$top/userspace" BUILD="$build/userspace"
		PREFIX=/opt/edudma DESTDIR="$root")
	"${make[@]}" install
	[[ -x $root/opt/edudma/bin/edudma ]]
	[[ -f $root/opt/edudma/share/man/man1/edudma.1 ]]
	[[ -f $root/opt/edudma/share/man/man7/edudma_streams.7 ]]
	[[ -e $root/opt/edudma/share/man/man1/edudma-doctor.1 ]]
	[[ -f $root/opt/edudma/share/man/man3/edudma_transfer.3 ]]
	[[ -f $root/opt/edudma/share/man/man4/edudma.4 ]]
	[[ -f $root/opt/edudma/lib/udev/rules.d/60-edudma.rules ]]
	grep -q '^g edudma ' "$root/opt/edudma/lib/sysusers.d/edudma.conf"

	cat >program.c <<-END
		#include <edudma_uring.h>
		#include <stdio.h>
		int main(void) {
			struct edudma_queue *queue;
			puts(edudma_version());
			return edudma_queue_new(NULL, 1, &queue) != -EINVAL;
		}
	END
	PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$root/opt/edudma/lib/pkgconfig \
		pkg-config --cflags --libs libedudma-uring >flags
	# The flags are words.
	# shellcheck disable=SC2046
	"${CC:-cc}" -include errno.h -o program program.c $(cat flags)
	LD_LIBRARY_PATH=$root/opt/edudma/lib run 0 ./program
	"$root/opt/edudma/bin/edudma" --version | grep -qF "$(cat out)"

	python3 -B -c 'import sys; sys.path[:0] = sys.argv[1:]; import edudma; print(edudma.__version__)' \
		"$root"/opt/edudma/lib/python3*/site-packages | grep -qxF "$(cat out)"

	"${make[@]}" uninstall
	[[ -z $(find "$root" ! -type d) ]]
}

test_manual_is_complete() {
	local page=$top/userspace/man/edudma.1 word option library files
	for word in $commands; do
		grep -q "^\.\(It \)\?Cm $word\$" "$page"
		"$tool" "$word" --help | grep -oE -- ' --[a-z-]+' | sort -u >options
		while read -r option; do
			grep -q "Fl [A-Za-z] , ${option#-}" "$page" ||
				{ echo "edudma(1) lacks $option"; return 1; }
		done <options
	done

	# One function is the headers' own.
	for library in $libraries; do
		page=$top/userspace/man/$library.3
		read -ra files <<<"$(headers "$library")"
		sed -n 's/^\([a-z].*[ *]\)\{0,1\}\(edudma_[a-z_]*\)(.*/\2/p' \
			"${files[@]}" | grep -vx edudma_make_segment >functions
		[[ -s functions ]]
		while read -r word; do
			grep -q "^\.Fn $word " "$page" ||
				{ echo "$page lacks $word"; return 1; }
		done <functions
	done
}

test_manual_is_well_formed() {
	command -v groff >/dev/null || skip 'no groff'
	local page
	for page in "$top/userspace"/man/*.[1347] "$build"/userspace/man/*.3; do
		run 0 groff -mdoc -Tutf8 -ww "$page"
		silent err
	done
}

test_manual_pleases_mandoc() {
	command -v mandoc >/dev/null || skip 'no mandoc'
	run 0 mandoc -T lint -W warning "$top/userspace"/man/*.[1347] "$build"/userspace/man/*.3
	silent out
}

# Each exported function has a page, with its parameters.
test_manual_has_a_page_for_each_function() {
	local library name
	for library in $libraries; do
		nm -D --defined-only "$build/userspace/$library.so" |
			sed -n 's/.* T \(.*\)@@LIBEDUDMA_.*/\1/p' >exported
		[[ -s exported ]]
		while read -r name; do
			grep -qx "\.Nm $name" "$build/userspace/man/$name.3"
			grep -q "^\.Fn $name \"" "$build/userspace/man/$name.3"
		done <exported
	done
	grep -qx '\.It Fa request_bytes' "$build/userspace/man/edudma_copy.3"
	grep -qx '\.Sh RETURN VALUES' "$build/userspace/man/edudma_copy.3"
}

# What docs/uapi.md lists is in edudma(4): calls, capabilities, errors, parameters, statistics,
# trace events.
test_manual_of_the_node_is_complete() {
	local page=$top/userspace/man/edudma.4 word
	grep -oE '\bEDUDMA_(IOC|CAP|URING_CMD|TRANSFER)_[A-Z_]+\b' "$top/uapi/linux/edudma.h" |
		grep -v '_MAGIC$' | sort -u >words
	[[ $(wc -l <words) -gt 12 ]]
	while read -r word; do
		grep -q "^\.\(It \)\?Dv $word\b" "$page" || { echo "edudma(4) lacks $word"; return 1; }
	done <words
	# The backquotes are the document's.
	# shellcheck disable=SC2016
	sed -n '/^## Errors/,/^## R/s/^| `\([A-Z0-9]*\)` .*/\1/p' "$top/docs/uapi.md" >words
	[[ $(wc -l <words) -gt 20 ]]
	while read -r word; do
		grep -qx "\.It Bq Er $word" "$page" || { echo "edudma(4) lacks $word"; return 1; }
	done <words
	# shellcheck disable=SC2016
	sed -n '/^## Module parameters/,$s/^| `\([a-z][^|]*\)` |.*/\1/p' "$top/docs/uapi.md" |
		grep -oE '[a-z_]+' >words
	[[ $(wc -l <words) -gt 40 ]]
	while read -r word; do
		grep -qE "^\.It (Cm|Li)( [a-z_]+ ,)* $word\b" "$page" ||
			{ echo "edudma(4) lacks $word"; return 1; }
	done <words
}

# All of it, with warnings as errors, and each public name has a description.
test_python_package_compiles() {
	local file
	for file in "$top"/userspace/python/{generate,edudma/*.py,examples/*.py} \
			"$build"/userspace/python/edudma/*.py; do
		python3 -B -W error -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' \
			"$file"
	done
	PYTHONPATH=$build/userspace/python python3 -B -W error -c 'if 1:
		import edudma
		for name in edudma.__all__:
		    assert name == "__version__" or getattr(edudma, name).__doc__, name'
}

# What the generator does not know ends the build.
test_python_layouts_come_from_the_header() {
	local line
	"$top/userspace/python/generate" "$top/uapi/linux/edudma.h" all.py
	cmp all.py "$build/userspace/python/edudma/_uapi.py"
	for line in $'struct new {\n\tvoid *pointer;\n};' '#define NEW sizeof(int)' \
			'typedef int new;' $'enum new {\n\tNEW,\n};' \
			$'struct new {\n\t__le32 one;\n\t__u32 other;\n};'; do
		{ cat "$top/uapi/linux/edudma.h"; echo "$line"; } >bad.h
		run 1 "$top/userspace/python/generate" bad.h bad.py
		said 'not understood'
	done
}

test_completion_completes() {
	bash -euc '. "$1"; COMP_WORDS=(edudma co); COMP_CWORD=1; _edudma
		echo "${COMPREPLY[@]}"
		COMP_WORDS=(edudma copy --no); COMP_CWORD=2; _edudma
		echo "${COMPREPLY[@]}"
		COMP_WORDS=(edudma capture --policy e); COMP_CWORD=3; _edudma
		echo "${COMPREPLY[@]}"
		COMP_WORDS=(edudma bench --mode f); COMP_CWORD=3; _edudma
		echo "${COMPREPLY[@]}"
		COMP_WORDS=(edudma help p); COMP_CWORD=2; _edudma
		echo "${COMPREPLY[@]}"' bash "$top/userspace/tool/edudma.bash" >out
	printf 'copy\n--no-bounce\nend\nfixed\nplay\n' | diff - out
}

# Each shell knows the commands and their options.
test_completions_are_complete() {
	local word option name
	for word in $commands; do
		"$tool" "$word" --help | grep -oE '^  -[A-Za-z], --[a-z-]+' | sed 's/.*--//' >options
		for name in bash zsh fish; do
			grep -qw -- "$word" "$top/userspace/tool/edudma.$name"
			while read -r option; do
				grep -qE -- "(--|-l )$option\b" "$top/userspace/tool/edudma.$name" ||
					{ echo "$name lacks --$option of $word"; return 1; }
			done <options
		done
	done
}

test_completion_for_zsh_is_well_formed() {
	command -v zsh >/dev/null || skip 'no zsh'
	zsh -n "$top/userspace/tool/edudma.zsh"
}

test_completion_for_fish_is_well_formed() {
	command -v fish >/dev/null || skip 'no fish'
	fish --no-execute "$top/userspace/tool/edudma.fish"
	# fish expands it.
	# shellcheck disable=SC2016
	fish -c 'source $argv[1]; complete -C "edudma bench --mode f"
		complete -C "edudma capture --policy dr"' "$top/userspace/tool/edudma.fish" >out
	printed 'fixed'
	printed 'drop-old'
}

run_tests "$@"
