#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Weight: 0.6
# Skips: Guest.test_kernel_of_ones_own: the image cannot be changed: it is packed
# Skips: Guest.test_pinned_pages: this kernel has no io_uring to pin pages with
"""The runner, booting guests that end well and in all the bad ways."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import image, kernels, own_kernel, paths
from lab import unit

GUEST = TOP / "scripts/guest"
TOOLS = paths.BUILD / "tests/tools"

# Runs a guest whose time is up as soon as its command says something, however long
# the boot takes.
LATE = """
import sys, time, types
sys.path.insert(0, sys.argv.pop(1))
from lab import guest, session
passed = 0
session.time = types.SimpleNamespace(monotonic=lambda: time.monotonic() + passed)
def tee(*files, tee=guest.tee):
    write = tee(*files)
    def late(data):
        global passed
        passed = 10000
        write(data)
    return late
guest.tee = tee
sys.exit(guest.main(sys.argv[1:]))
"""

# All that one command can tell of its surroundings, in parts.
TELL = """
part() { echo; echo "== $1"; }
part words; for word; do printf '%s|' "$word"; done
part bytes; cat bytes
part place; pwd; cat file; echo changed > file
part variables; echo "$ONE,$TWO"; id -u; nproc
part module; cat /sys/module/edudma/parameters/timeout_ms
test -w /dev/edudma0 && test -w /dev/edudma1 && echo nodes
part kernel; grep -o 'edudma.test=[a-z]*' /proc/cmdline
part files; tty; readlink /proc/self/fd/0; echo x > /dev/stderr
part ports; sort /sys/class/virtio-ports/*/name | xargs
part disk; modprobe virtio_blk; grep -lx $EDUDMA_DISK /sys/block/*/serial; cat /sys/block/vda/size
part share; echo 'from the guest' > "$SHARE/file" && echo written
part unload; modprobe -r edudma && echo done
# The first user goes away in the middle of what QEMU says to it.
part monitor; head -c 5 /dev/virtio-ports/edudma.qmp; echo; $QMP query-name
$QMP query-status | grep -o running | head -n 1
$QMP device_del "{'id': 'plug'}" DEVICE_DELETED device plug
$QMP device_del "{'id': 'plug'}" || $QMP query-name
printf apart >&2
"""


SIGNED = b"~Module signature appended~\n"


def unsigned(module):
    """A module without its signature, which a change would make a wrong one."""
    if not module.endswith(SIGNED):
        return module
    end = len(module) - len(SIGNED)
    return module[:end - 12 - int.from_bytes(module[end - 4:end], "big")]


class Outcome:
    """What a run of scripts/guest left."""

    def __init__(self, done, logs):
        self.status = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr
        self.last = done.stderr.decode(errors="replace").splitlines()[-1]
        self.result = json.loads((logs / "result.json").read_text())
        # There is none if QEMU was not started.
        console = logs / "console"
        self.console = console.read_text(errors="replace") if console.exists() else ""


class Guest(unittest.TestCase):
    """Each boots one guest."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.logs = pathlib.Path(self.directory.name) / "logs"

    def guest(self, *arguments, cwd=TOP, program=(GUEST,), **keywords):
        """Run it."""
        done = subprocess.run([*program, "--log-dir", self.logs, *arguments], cwd=cwd,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, **keywords)
        return Outcome(done, self.logs)

    def expect(self, word, status, got, reason=""):
        """The verdict, in all places that tell it."""
        self.assertEqual((word, status), (got.result["verdict"], got.status), got.last)
        self.assertIn(f": {word}", got.last)
        self.assertIn(reason, got.last)
        self.assertEqual(status, got.result["status"])

    def test_what_a_command_finds_and_says(self):
        words = [b"a b", b"", b"it's", b'"', b"$HOME `x` \\", b"two\nlines", b"*",
                 b"\xff\xfe", b"--", b"-x", b"a=b"]
        every_byte = bytes(range(256)) * 4096
        place = pathlib.Path(self.directory.name) / "a directory"
        share = pathlib.Path(self.directory.name) / "share, d"
        place.mkdir()
        share.mkdir()
        (place / "file").write_text("of the host\n")
        (place / "bytes").write_bytes(every_byte)
        got = self.guest("--env", "ONE=1 x", "--env", "TWO", "--env", f"SHARE={share}",
                         "--env", f"QMP={TOOLS}/qmp", "--smp", "1", "--share", share,
                         "--append", "edudma.test=yes",
                         "--module-param", "timeout_ms=4321", "--qmp",
                         "--qemu-arg=-device", "--qemu-arg=pcie-root-port,id=root1",
                         "--qemu-arg=-device", "--qemu-arg=edu,id=plug,bus=root1",
                         "--", "sh", "-c", TELL, "sh", *words,
                         cwd=place, env={**os.environ, "TWO": "2"})
        # It has unloaded the module by itself.
        self.expect("pass", 0, got)
        parts = dict(part.split(b"\n", 1) for part in got.stdout.split(b"\n== ")[1:])
        with self.subTest("arguments"):
            self.assertEqual(b"|".join(words) + b"|", parts.pop(b"words"))
        with self.subTest("each byte there is, often"):
            self.assertTrue(parts.pop(b"bytes") == every_byte)
        for name, lines in (
                ("place", [str(place), "of the host"]),
                ("variables", ["1 x,2", "0", "1"]),
                ("module", ["4321", "nodes"]),
                ("kernel", ["edudma.test=yes"]),
                ("files", ["not a tty", "/dev/null"]),
                ("ports", ["edudma.attach edudma.qmp edudma.record edudma.stderr "
                           "edudma.stdout"]),
                ("disk", ["/sys/block/vda/serial", str(64 << 11)]),
                ("share", ["written"]),
                ("unload", ["done"]),
                ("monitor", ['{"QMP', '{"name":"edudma-stock"}', "running", "{}",
                             '{"name":"edudma-stock"}'])):
            with self.subTest(name):
                self.assertEqual(lines, parts.pop(name.encode()).decode().splitlines())
        self.assertFalse(parts)
        with self.subTest("standard error"):
            self.assertIn(b"qmp: Device 'plug' not found", got.stderr)
            self.assertIn(b"apartguest: stock: pass", got.stderr)
            self.assertNotIn(b"apart", got.stdout)
        with self.subTest("what the guest writes stays there, or goes with it"):
            self.assertFalse((self.logs / "disk").exists())
            self.assertEqual("of the host\n", (place / "file").read_text())
        with self.subTest("what it writes to a share does not"):
            self.assertEqual("from the guest\n", (share / "file").read_text())

    def own_kernel(self):
        """A build directory of a kernel with a release of its own; that release.

        It is the distribution's, by another name of the same length.
        """
        build = pathlib.Path(self.directory.name) / "linux"
        kernel = kernels.find("")
        if kernel.image.read_bytes()[:4] != b"\x7fELF":
            self.skipTest("the image cannot be changed: it is packed")
        release = "6.1.0-own".ljust(len(kernel.release), "x")
        files = image.REPORT + image.HOST_FILES
        (build / "modules").mkdir(parents=True)
        for module in kernels.resolve(kernel, files):
            name = f"modules/{module.name.split('.')[0]}.ko"
            (build / name).write_bytes(unsigned(image.unpacked(module)).replace(
                kernel.release.encode(), release.encode()))
        for name, content in (
                ("arch/x86/boot/bzImage", kernel.image.read_bytes().replace(
                    kernel.release.encode(), release.encode())),
                ("include/config/kernel.release", release.encode() + b"\n"),
                (".config", kernel.image.with_name(f"config-{kernel.release}").read_bytes()),
                ("modules.order", b"".join(b"modules/%b\n" % path.name.encode() for path
                                           in (build / "modules").iterdir())),
                ("modules.builtin", (kernel.modules / "modules.builtin").read_bytes()),
                ("modules.builtin.modinfo",
                 (kernel.modules / "modules.builtin.modinfo").read_bytes()),
                # As of the kernel's own, for what is asked of it.
                ("Makefile", b"modules_install:\n"
                 b"\tmkdir -p $(INSTALL_MOD_PATH)/lib/modules/%b/kernel\n"
                 b"\tcp modules/* $(INSTALL_MOD_PATH)/lib/modules/%b/kernel\n"
                 b"\tcp modules.* $(INSTALL_MOD_PATH)/lib/modules/%b\n"
                 b"\techo >>installed\n" % ((release.encode(),) * 3))):
            (build / name).parent.mkdir(parents=True, exist_ok=True)
            (build / name).write_bytes(content)
        return build, release

    def test_kernel_of_ones_own(self):
        build, release = self.own_kernel()
        self.addCleanup(lambda: [shutil.rmtree(path) for path in
                                 (paths.BUILD / "guest/kernels").glob(f"{release}-*")])
        got = self.guest("--kernel", f"{build.name}/", "--no-module", "--timeout", "600",
                         "--", "sh", "-c", "uname -r; false", cwd=build.parent)
        with self.subTest("a command that fails"):
            self.expect("fail", 1, got, "exit 1")
        self.assertEqual(release, got.stdout.decode().strip())
        # Its modules are installed again when they are newer, and only then.
        own_kernel.find(build)
        self.assertEqual("\n", (build / "installed").read_text())
        os.utime(build / "modules/9p.ko")
        own_kernel.find(build)
        self.assertEqual("\n\n", (build / "installed").read_text())

    def stalling(self, boots):
        """A QEMU whose kernel stalls that many times, and then does not."""
        program = pathlib.Path(self.directory.name) / "qemu"
        program.write_text(
            "#!/bin/sh\n"
            f"console='{self.logs}/console' count='{self.directory.name}/count'\n"
            f"if [ $# -gt 1 ] && [ $(cat $count 2>/dev/null | wc -l) -lt {boots} ]; then\n"
            "\techo boot >>$count\n"
            "\techo 'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:' >$console\n"
            "\texec sleep 1000\n"
            "fi\n"
            'exec qemu-system-x86_64 "$@"\n')
        program.chmod(0o755)
        return program

    def test_a_boot_that_stalls_is_made_again(self):
        got = self.guest("--qemu", self.stalling(1), "--no-module", "--", "sh", "-c",
                         "echo x; kill -SEGV $$")
        with self.subTest("a command that is killed"):
            self.expect("fail", 128 + signal.SIGSEGV, got, "signal 11")
        self.assertEqual((b"x\n", 2), (got.stdout, got.result["boots"]))
        self.assertIn(b"booting again", got.stderr)
        self.assertIn("stalls", (self.logs / "console.stalled1").read_text())

    def test_boots_that_stall_are_no_pass(self):
        got = self.guest("--qemu", self.stalling(9), "--no-module", "--", "true")
        self.expect("lost", 123, got, "detected stalls")
        self.assertEqual(3, got.result["boots"])

    def test_trace_is_refused_where_it_would_tell_nothing(self):
        for lane, why in (("stock", "QEMU's edu tells nothing"),
                          ("bench-ring", "the host's time")):
            got = self.guest("--lane", lane, "--trace", "--no-module", "--", "true")
            self.expect("trouble", 125, got, why)

    def test_root_in_ram(self):
        place = pathlib.Path(self.directory.name) / "a directory"
        place.mkdir()
        (place / "file").write_text("of the host")
        script = ("pwd; ls; ls /dev/edudma0; cat /nothing; "
                  "cat /sys/module/edudma/parameters/timeout_ms; "
                  # Without the 5 s that it keeps the processor busy for.
                  "echo 0 > /sys/module/suspend/parameters/pm_test_delay; "
                  "echo devices > /sys/power/pm_test; echo freeze > /sys/power/state; "
                  "echo awake")
        got = self.guest("--lane", "suspend", "--module-param", "timeout_ms=4321", "--",
                         "bash", "-c", script, cwd=place)
        self.expect("pass", 0, got)
        self.assertEqual([str(place), "/dev/edudma0", "4321", "awake"],
                         got.stdout.decode().splitlines())

    def test_no_such_command(self):
        got = self.guest("--no-module", "--", "/nonexistent/command")
        self.expect("fail", 127, got)
        self.assertIn(b"/nonexistent/command", got.stderr)

    def test_panic(self):
        got = self.guest("--no-module", "--", TOOLS / "endings", "panic")
        self.expect("lost", 123, got, "Kernel panic - not syncing: sysrq triggered crash")
        self.assertTrue(got.stdout.startswith(b"begun\n"), got.stdout)

    def test_power_off_by_the_command(self):
        # QEMU ends with status 0, as after a good run.
        got = self.guest("--no-module", "--", "sh", "-c",
                         "echo o > /proc/sysrq-trigger; sleep 60")
        self.expect("lost", 123, got)

    def test_hang(self):
        got = self.guest("--no-module", "--timeout", "1000", "--", "sh", "-c",
                         "echo begun; sleep 1000",
                         program=[sys.executable, "-B", "-c", LATE, TOP / "scripts"])
        self.expect("timeout", 124, got)
        self.assertEqual(b"begun\n", got.stdout)

    def test_splat(self):
        got = self.guest("--no-module", "--", "sh", "-c",
                         "echo 'WARNING: CPU: 0 PID: 1 at test.c:1' > /dev/kmsg")
        self.expect("splat", 122, got, "test.c:1")

    def test_stray_dma(self):
        # The driver is told that the device reaches more than it does.
        got = self.guest("--module-param", "dma_bits=64", "--", TOOLS / "endings",
                         "stray")
        self.expect("splat", 122, got, "EDU: clamping DMA")

    def test_module_in_use(self):
        # The shell opens the node before it begins what outlives it.
        got = self.guest("--", "sh", "-c",
                         "exec 3< /dev/edudma0; setsid sleep 1000 > /dev/null 2>&1 & "
                         "until grep -qx sleep /proc/$!/comm; do :; done")
        self.expect("residue", 121, got, "the module is in use")

    def test_module_refuses_its_parameters(self):
        for lane in ("stock", "suspend"):
            with self.subTest(lane):
                got = self.guest("--lane", lane, "--module-param", "dma_bits=7", "--", "true")
                self.expect("trouble", 125, got, "the module cannot be loaded")
                self.assertIn("dma_bits", got.console)

    def test_pinned_pages(self):
        got = self.guest("--no-module", "--", TOOLS / "endings", "pin")
        if got.status == 77:
            self.skipTest("this kernel has no io_uring to pin pages with")
        self.expect("pinned", 119, got, "8 pages are still pinned")

    def test_killed_qemu(self):
        self.end_it(self.qemu_of, signal.SIGKILL, "lost", 123)

    def test_interrupted_runner(self):
        self.end_it(lambda runner: runner.pid, signal.SIGINT, "interrupted", 130)

    def end_it(self, whom, signum, word, status):
        """Send a signal to one of the processes of a run under way."""
        with subprocess.Popen([GUEST, "--no-module", "--log-dir", self.logs, "--",
                               "sh", "-c", "echo begun; sleep 1000"], cwd=TOP,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as runner:
            self.assertEqual(b"begun\n", runner.stdout.readline())
            qemu = self.qemu_of(runner)
            os.kill(whom(runner), signum)
            stdout, stderr = runner.communicate()
        done = subprocess.CompletedProcess([], runner.returncode, stdout, stderr)
        self.expect(word, status, Outcome(done, self.logs))
        self.assertFalse(pathlib.Path(f"/proc/{qemu}").exists(), "QEMU was left behind")

    def qemu_of(self, runner):
        """The process id of a runner's QEMU."""
        children = pathlib.Path(f"/proc/{runner.pid}/task/{runner.pid}/children")
        return int(children.read_text().split()[0])


if __name__ == "__main__":
    unit.main()
