# SPDX-License-Identifier: GPL-2.0-only
# fish completion for edudma(1)

function __edudma_devices
    for entry in /sys/class/edudma/edudma*
        basename $entry
        basename (realpath $entry/device)
    end
end

function __edudma_parameters
    modinfo -F parm edudma 2>/dev/null | string replace -r ':.*' '='
end

function __edudma_complete -a commands
    complete -c edudma -n "__fish_seen_subcommand_from $commands" $argv[2..]
end

set -l commands list info load unload read write copy stats bench capture play selftest doctor why reset trace help

complete -c edudma -n "not __fish_seen_subcommand_from $commands" -f -a "$commands"
complete -c edudma -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'version of the tool'
complete -c edudma -s h -l help -d help
complete -c edudma -n '__fish_seen_subcommand_from help' -f -a "$commands"

__edudma_complete 'info read write copy stats bench capture play selftest doctor why reset' -s d -l device -x -a '(__edudma_devices)' -d device
__edudma_complete 'info doctor reset' -f -a '(__edudma_devices)'
__edudma_complete 'list info copy stats bench capture play selftest doctor why' -s j -l json -d 'print JSON'
__edudma_complete load -s m -l module -r -d 'file of the module'
__edudma_complete load -f -a '(__edudma_parameters)'
__edudma_complete 'list unload read write stats bench capture selftest' -f
__edudma_complete 'read write bench' -s o -l offset -x -d 'where in the window'
__edudma_complete 'read bench' -s n -l length -x -d bytes
__edudma_complete 'read capture' -s O -l output -r -d 'where to put the bytes'
__edudma_complete read -s x -l hex -d 'print a hex dump'
__edudma_complete read -s r -l raw -d 'print the bytes as they are'
__edudma_complete write -s i -l input -r -d 'where the bytes come from'
__edudma_complete 'copy bench' -s D -l depth -x -d 'requests at a time'
__edudma_complete copy -s B -l no-bounce -d 'fail where memory would be copied'
__edudma_complete 'copy capture play selftest' -s q -l quiet -d 'print failures only'
__edudma_complete stats -s w -l watch -x -d 'again after so many seconds'
__edudma_complete 'stats bench' -s c -l count -x -d 'stop after so many'
__edudma_complete bench -s r -l direction -x -a 'read write mixed'
__edudma_complete bench -s W -l overwrite -d 'the region may be written'
__edudma_complete bench -s m -l mode -x -a 'sync io_uring fixed registered'
__edudma_complete bench -s b -l block -x -d 'bytes of a request'
__edudma_complete 'bench capture play' -s t -l time -x -d seconds
__edudma_complete 'capture play' -s n -l count -x -d 'stop after so many frames'
__edudma_complete 'capture play' -s r -l rate -x -d 'bytes per second'
__edudma_complete 'capture play' -s f -l frame -x -d 'bytes of a frame'
__edudma_complete 'capture play' -s b -l buffers -x -d 'frames in memory at a time'
__edudma_complete 'capture play' -s p -l pattern -x -a 'counter prbs31 ramp'
__edudma_complete 'capture play' -s s -l strict -d 'fail if anything was lost or wrong'
__edudma_complete 'capture play' -s S -l stall -x -d 'sleep so many ms after frames'
__edudma_complete capture -s P -l policy -x -a 'drop-new drop-old end' -d 'what is lost'
__edudma_complete capture -s H -l header -d 'each frame begins with a header'
__edudma_complete capture -s v -l verify -d 'compare each frame with the pattern'
__edudma_complete capture -s G -l picture -r -d 'write the last frames as a picture'
__edudma_complete selftest -s f -l force -d 'also if the window is mapped'
__edudma_complete why -s p -l pid -x -a '(__fish_complete_pids)' -d 'memory of this process'
__edudma_complete trace -s o -l output -r -d 'where to draw it: .svg, .html or .json'
__edudma_complete trace -s Q -l qemu -r -d "QEMU's log"
__edudma_complete trace -s b -l buffer -x -d 'buffer for each processor'
__edudma_complete trace -s q -l quiet -d 'no result'
