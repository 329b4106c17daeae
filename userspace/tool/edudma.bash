# SPDX-License-Identifier: GPL-2.0-only
# bash completion for edudma(1)

_edudma_devices()
{
	edudma list 2>/dev/null | awk '{ gsub(":", "\\:", $2); print $1, $2, $3 }'
}

_edudma()
{
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local options='--help'
	local commands='list info load unload read write copy stats bench capture play selftest
		doctor why reset trace'

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands help --help --version" -- "$word")
		return
	fi

	case $previous in
	--device | -d)
		mapfile -t COMPREPLY < <(compgen -W "$(_edudma_devices)" -- "$word"
			[[ $word != /* ]] || compgen -f -- "$word")
		return ;;
	--direction)
		mapfile -t COMPREPLY < <(compgen -W 'read write mixed' -- "$word")
		return ;;
	--pattern)
		mapfile -t COMPREPLY < <(compgen -W 'counter prbs31 ramp' -- "$word")
		return ;;
	--policy)
		mapfile -t COMPREPLY < <(compgen -W 'drop-new drop-old end' -- "$word")
		return ;;
	--mode)
		mapfile -t COMPREPLY < <(compgen -W 'sync io_uring fixed registered' -- "$word")
		return ;;
	esac

	case ${COMP_WORDS[1]} in
	list)	options+=' --json' ;;
	info)	options+=' --device --json' ;;
	load)	options+=' --module' ;;
	read)	options+=' --device --offset --length --output --hex --raw' ;;
	write)	options+=' --device --offset --input' ;;
	copy)	options+=' --device --depth --no-bounce --json --quiet' ;;
	stats)	options+=' --device --watch --count --json' ;;
	selftest) options+=' --device --force --json --quiet' ;;
	doctor)	options+=' --device --json' ;;
	why)	options+=' --device --pid --json' ;;
	reset)	options+=' --device' ;;
	trace)	options+=' --output --qemu --buffer --quiet' ;;
	bench)	options+=' --device --direction --overwrite --mode --depth --block
			--offset --length --time --count --json' ;;
	capture)
		options+=' --device --count --time --rate --frame --buffers --pattern
			--header --policy --output --verify --strict --picture --stall
			--quiet --json' ;;
	play)	options+=' --device --count --time --rate --frame --buffers --pattern
			--strict --stall --quiet --json' ;;
	esac
	case ${COMP_WORDS[1]} in
	load)
		mapfile -t COMPREPLY < <(compgen -W "$(modinfo -F parm edudma 2>/dev/null |
			sed 's/:.*/=/')" -- "$word") ;;
	info | doctor | reset)
		mapfile -t COMPREPLY < <(compgen -W "$(_edudma_devices)" -- "$word") ;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
	esac
	# Everything else is a file name, which -o default completes.
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	fi
}
complete -o default -F _edudma edudma
