#compdef edudma
# SPDX-License-Identifier: GPL-2.0-only
# zsh completion for edudma(1)

_edudma_devices()
{
	local -a devices
	local entry

	for entry in /sys/class/edudma/edudma*(N); do
		devices+=("${entry:t}" "${${entry}/device:A:t//:/\\:}")
	done
	_describe device devices
	_files -g '/dev/edudma*'
}

_edudma_parameters()
{
	local -a parameters

	parameters=(${(f)"$(modinfo -F parm edudma 2>/dev/null | sed 's/:.*//')"})
	compadd -S = -a parameters
}

_edudma()
{
	local -a commands
	commands=(
		'list:show the devices present'
		'info:show what a device and its driver can do'
		'load:load the module of the driver'
		'unload:unload the module of the driver'
		'read:read the window of a device'
		'write:write to the window of a device'
		'copy:copy a file, all of it through the device'
		'stats:show the statistics of a device'
		'bench:measure a device'
		'capture:take frames that the device produces'
		'play:give frames that the device asks for'
		'selftest:test transfers of many sizes and alignments'
		'doctor:find out what does not work'
		'why:tell whether memory is moved without a copy'
		'reset:reset a device'
		'trace:draw what the driver does while a command runs'
		'help:help of a command'
	)
	if ((CURRENT == 2)); then
		_describe command commands
		compadd -- --help --version
		return
	fi

	local -a options
	local command=$words[2]
	options=('(-h --help)'{-h,--help}'[help of this command]')
	case $command in
	info | read | write | copy | stats | bench | capture | play | selftest | doctor | why | reset)
		options+=({-d+,--device=}'[which device]:device:_edudma_devices') ;;
	esac
	case $command in
	list | info | copy | stats | bench | capture | play | selftest | doctor | why)
		options+=({-j,--json}'[print JSON]') ;;
	esac
	case $command in
	info | doctor | reset)
		options+=(':device:_edudma_devices') ;;
	load)
		options+=({-m+,--module=}'[file of the module]:file:_files'
			'*:parameter:_edudma_parameters') ;;
	read)
		options+=({-o+,--offset=}'[where in the window to start]:bytes: '
			{-n+,--length=}'[bytes]:bytes: '
			{-O+,--output=}'[where to put them]:file:_files'
			{-x,--hex}'[print a hex dump]' {-r,--raw}'[print the bytes as they are]') ;;
	write)
		options+=({-o+,--offset=}'[where in the window to start]:bytes: '
			{-i+,--input=}'[where the bytes come from]:file:_files') ;;
	copy)
		options+=({-D+,--depth=}'[requests at a time]:number: '
			{-B,--no-bounce}'[fail where memory would be copied]'
			{-q,--quiet}'[no progress bar and no result]' '*:file:_files') ;;
	stats)
		options+=({-w+,--watch=}'[again and again]:seconds: '
			{-c+,--count=}'[rounds]:number: ') ;;
	bench)
		options+=({-r+,--direction=}'[direction]:direction:(read write mixed)'
			{-m+,--mode=}'[how]:mode:(sync io_uring fixed registered)'
			{-W,--overwrite}'[the region may be written]'
			{-D+,--depth=}'[requests at a time]:number: '
			{-b+,--block=}'[size of a request]:bytes: '
			{-o+,--offset=}'[where in the window to start]:bytes: '
			{-n+,--length=}'[size of the region]:bytes: '
			{-t+,--time=}'[how long]:seconds: ' {-c+,--count=}'[requests]:number: ') ;;
	capture | play)
		options+=({-n+,--count=}'[frames]:number: ' {-t+,--time=}'[how long]:seconds: '
			{-r+,--rate=}'[bytes per second]:bytes: '
			{-f+,--frame=}'[bytes of a frame]:bytes: '
			{-b+,--buffers=}'[frames in memory at a time]:number: '
			{-p+,--pattern=}'[pattern]:pattern:(counter prbs31 ramp)'
			{-S+,--stall=}'[sleep after frames]:milliseconds[\:frames]: '
			{-s,--strict}'[fail if anything was lost or wrong]'
			{-q,--quiet}'[no progress and no result]') ;;
	selftest)
		options+=({-f,--force}'[also if the window is mapped]'
			{-q,--quiet}'[print failures only]') ;;
	why)
		options+=({-p+,--pid=}'[memory of this process]:process:_pids' '*:file:_files') ;;
	trace)
		options+=({-o+,--output=}'[where to draw it]:file:_files -g "*.(svg|html|json)"'
			{-Q+,--qemu=}'[log of QEMU]:file:_files'
			{-b+,--buffer=}'[buffer for each processor]:bytes: '
			{-q,--quiet}'[no result]' '(-)1:command:_command_names -e'
			'*::argument:_normal') ;;
	help)
		_describe command commands
		return ;;
	esac
	case $command in
	capture)
		options+=({-P+,--policy=}'[what is lost]:policy:(drop-new drop-old end)'
			{-H,--header}'[each frame begins with a header]'
			{-O+,--output=}'[where to put the frames]:file:_files'
			{-G+,--picture=}'[write the last frames as a picture]:file:_files'
			{-v,--verify}'[compare each frame with the pattern]') ;;
	play)
		options+=(':file:_files') ;;
	esac
	shift words
	((CURRENT--))
	_arguments -s $options
}

_edudma "$@"
