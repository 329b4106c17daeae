# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's command line."""

# What each guest's kernel is told.
#   panic, oops: an oops leaves the machine in no state to be trusted; it ends
#	QEMU at once instead of a run that hangs until its time is up
#   mitigations: the emulated processor has nothing to protect, and they cost
#   init_on_alloc: memory that the kernel has cleared hides what a driver leaves in it,
#	and costs a fifth of what starting a program does
#   norandmaps: QEMU before 8.1 translates a program anew at each other address
#   hung_task: a task stuck for half a minute shows on the console before the
#	run's time is up
APPEND = ("loglevel=7 printk.time=1 "
          "panic=-1 oops=panic mitigations=off norandmaps random.trust_cpu=on init_on_alloc=0 "
          "sysctl.kernel.hung_task_timeout_secs=30 "
          "sysctl.kernel.printk_ratelimit=0").split()

DISK_SERIAL = "edudma-scratch"
ATTACH_PORT = "edudma.attach"


def cpu(lane, accel):
    """-cpu: under KVM the host's own; else the lane's."""
    return "host,migratable=off" if accel == "kvm" else lane.cpu


def accel_arguments(accel, lane):
    """-accel: a thread for each processor, unless time is counted in instructions."""
    if accel == "kvm":
        return ["-accel", "kvm"]
    thread = "single" if lane.virtual_time else lane.thread
    return ["-accel", f"tcg,thread={thread}"]


def port(name, fd):
    """A virtio port that is one end of a socket pair."""
    return ["-chardev", f"socket,id={name},fd={fd}",
            "-device", f"virtserialport,chardev={name},name=edudma.{name}"]


def monitor(server, client):
    """A monitor for the guest: both ends of a socket pair are QEMU's own."""
    return ["-chardev", f"socket,id=monitor,fd={server}",
            "-mon", "chardev=monitor,mode=control", *port("qmp", client)]


def attach(listener):
    """A port that is a shell to whoever connects to a listening socket."""
    return ["-chardev", f"socket,id=attach,fd={listener},server=on,wait=off",
            "-device", f"virtserialport,chardev=attach,name={ATTACH_PORT}"]


def filesystem(tag, path, readonly):
    """A directory of the host, over 9p."""
    # A comma in a value is written twice.
    path = str(path).replace(",", ",,")
    return ["-fsdev", f"local,id={tag},path={path},security_model=none,"
                      f"multidevs=remap,readonly={'on' if readonly else 'off'}",
            "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]


def disk(path):
    """A scratch disk, which the guest knows by its serial number."""
    path = str(path).replace(",", ",,")
    return ["-drive", f"if=none,id=scratch,file={path},format=raw,cache=unsafe",
            "-device", f"virtio-blk-pci,drive=scratch,serial={DISK_SERIAL}"]


def trace():
    """Events of an edu-sg in QEMU's log, with their times."""
    names = ("doorbell", "fetch", "slice", "complete", "irq", "legacy_dma")
    return ["-msg", "timestamp=on"] + [
        word for name in names for word in ("-trace", f"edu_sg_{name}")]


def command(lane, kernel, accel, files):
    """The part that all uses share: the machine and its kernel.

    files: .initramfs and .console name files, .append has more words for the
    kernel.
    """
    arguments = [
        lane.emulator, "-nodefaults", "-no-user-config", "-no-reboot",
        "-display", "none", "-vga", "none",
        "-name", f"edudma-{lane.name}",
        "-machine", lane.machine, *accel_arguments(accel, lane),
        "-cpu", cpu(lane, accel), "-smp", str(lane.smp), "-m", lane.memory,
        # What a device model finds wrong with what the driver does.
        "-d", "guest_errors",
        "-kernel", str(kernel.image), "-initrd", str(files.initramfs),
        "-append", " ".join([*lane.built_for.append, *APPEND, *lane.append,
                             *files.append]),
        "-chardev", f"file,id=console,path={str(files.console).replace(',', ',,')}",
        "-serial", "chardev:console",
    ]
    for device in lane.devices:
        arguments += ["-device", device]
    arguments += ["-device", "virtio-serial-pci,id=ports"]
    for number in range(lane.edus):
        arguments += ["-device", f"{lane.edu},id=edu{number}"]
    return arguments + lane.qemu
