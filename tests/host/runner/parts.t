#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Lanes, the trial of KVM, and all that happens before a guest boots."""

import bz2
import fnmatch
import gzip
import io
import lzma
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import (Trouble, accel, by_test, guest, image, lanes, own_kernel, plan, unit,
                 vmlinux)


class Lanes(unittest.TestCase):
    """The data files."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        patch = mock.patch("lab.paths.LANES",
                           pathlib.Path(self.directory.name))
        patch.start()
        self.addCleanup(patch.stop)

    def write(self, name, text):
        """A lane."""
        (pathlib.Path(self.directory.name) / f"{name}.conf").write_text(
            "[lane]\n" + text)

    def test_values_replace_and_lists_grow(self):
        self.write("a", "memory = 1G\nappend = x 'y z'\n")
        self.write("b", "base = a\nmemory = 2G\nappend = w\n")
        lane = lanes.load("b")
        self.assertEqual(("b", "2G", ["x", "y z", "w"]),
                         (lane.name, lane.memory, lane.append))
        self.assertEqual("driver", lane.suites)

    def test_mistakes(self):
        self.write("unknown", "memroy = 1G\n")
        self.write("number", "smp = two\n")
        self.write("loop", "base = loop\n")
        for name in ("unknown", "number", "loop", "missing"):
            with self.subTest(name), self.assertRaises(Trouble):
                lanes.load(name)

    def test_limits_mean_nothing_in_virtual_time(self):
        self.write("slow", "patience = 3\n")
        self.write("leaping", "patience = 3\nqemu = -icount shift=3,sleep=off\n")
        self.assertEqual(3, lanes.load("slow").test_patience)
        self.assertEqual(lanes.FOR_EVER, lanes.load("leaping").test_patience)

    def test_ours_can_be_read(self):
        mock.patch.stopall()
        with mock.patch("lab.paths.LANES", TOP / "tests/lanes"):
            self.assertIn("stock", lanes.names())
            for name in lanes.names():
                self.assertTrue(lanes.load(name).about, name)

    def test_what_ours_choose_and_skip_exists(self):
        mock.patch.stopall()
        cases = re.findall(r"KUNIT_CASE\((\w+)\)",
                           (TOP / "tests/modules/contract/engine_test.c").read_text())
        for name in lanes.names():
            lane = lanes.load(name)
            there = [test for _, tests in by_test.of_lane(name) for test in tests]
            if "contract" in plan.suites_of(name):
                there += [f"contract.engine.{case}" for case in cases]
            for pattern in (*lane.tests, *(skip.pattern for skip in lane.skips)):
                with self.subTest(lane=name, pattern=pattern):
                    self.assertTrue(fnmatch.filter(there, pattern))


class Kvm(unittest.TestCase):
    """The trial that decides whether to use KVM."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = pathlib.Path(self.directory.name)
        device = self.path / "kvm"
        device.write_text("")
        self.trials = []
        for target, value in (("lab.accel.KVM", device),
                              ("lab.accel.TRIAL_SECONDS", 1)):
            patch = mock.patch(target, value)
            patch.start()
            self.addCleanup(patch.stop)
        environment = mock.patch.dict(os.environ, {"EDUDMA_CACHE": str(self.path)})
        environment.start()
        self.addCleanup(environment.stop)
        os.environ.pop("EDUDMA_ACCEL", None)
        self.lane = lanes.Lane("test", emulator=self.program("echo QEMU emulator 0"))

    def program(self, script):
        """A stand-in for QEMU."""
        path = self.path / "qemu"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def trial(self, outcome):
        """A trial that ends like this, and is counted."""
        def made(*_):
            self.trials.append(outcome)
            return outcome
        return made

    def test_made_once_and_remembered(self):
        for _ in range(2):
            with mock.patch("sys.stderr", io.StringIO()):
                self.assertEqual("tcg", accel.choose(self.lane, None, self.trial(False)))
        self.assertEqual([False], self.trials)

    def test_success(self):
        with mock.patch("sys.stderr", io.StringIO()):
            self.assertEqual("kvm", accel.choose(self.lane, None, self.trial(True)))

    def test_again_for_another_qemu(self):
        with mock.patch("sys.stderr", io.StringIO()):
            accel.choose(self.lane, None, self.trial(False))
            self.program("echo QEMU emulator 1")
            self.assertEqual("kvm", accel.choose(self.lane, None, self.trial(True)))

    def test_no_device_no_trial(self):
        accel.KVM.unlink()
        self.assertEqual("tcg", accel.choose(self.lane, None, self.trial(True)))
        self.assertEqual([], self.trials)

    def test_environment_and_lane_decide(self):
        with mock.patch.dict(os.environ, {"EDUDMA_ACCEL": "kvm"}):
            self.assertEqual("kvm", accel.choose(self.lane, None, self.trial(False)))
            self.lane.accel = "tcg"
            self.assertEqual("tcg", accel.choose(self.lane, None, self.trial(False)))
        with mock.patch.dict(os.environ, {"EDUDMA_ACCEL": "KVM"}), \
             self.assertRaises(Trouble):
            accel.choose(self.lane, None, self.trial(False))
        self.assertEqual([], self.trials)

    def test_guest_that_hangs_ends_in_time(self):
        self.program("[ \"$1\" = --version ] && exec echo QEMU emulator 0\nexec sleep 60")
        kernel = mock.Mock(image="/dev/null")
        with mock.patch("sys.stderr", io.StringIO()), \
             mock.patch.object(image, "build", return_value=b""):
            self.assertEqual("tcg", accel.choose(self.lane, kernel))


class Vmlinux(unittest.TestCase):
    """Taking a kernel out of its image."""

    def elf(self, note=18):
        """The least that has the note of a PVH entry."""
        entry = struct.pack("<III4s4x", 4, 4, note, b"Xen")
        header = b"\x7fELF\x02".ljust(0x20, b"\0") + struct.pack("<Q", 64)
        header = header.ljust(0x36, b"\0") + struct.pack("<HH", 56, 1)
        return (header.ljust(64, b"\0")
                + struct.pack("<IIQQQQ16x", 4, 0, 120, 0, 0, len(entry)) + entry)

    def quickest(self, payload, magic=b"HdrS"):
        """What is started of an image with this payload; its name and bytes."""
        image = bytearray(1024)
        image[0x1f1] = 1
        image[0x202:0x206] = magic
        struct.pack_into("<II", image, 0x248, 0, len(payload))
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "vmlinuz-6.1"
            path.write_bytes(bytes(image) + payload)
            chosen = vmlinux.quickest(path)
            return chosen.name, chosen.read_bytes()

    def test_each_compression(self):
        elf = self.elf()
        size = struct.pack("<I", len(elf))
        for payload in (gzip.compress(elf), lzma.compress(elf) + size,
                        lzma.compress(elf, format=lzma.FORMAT_ALONE) + size,
                        bz2.compress(elf) + size):
            with self.subTest(payload[:4]):
                self.assertEqual(("vmlinux-6.1", elf), self.quickest(payload))

    def test_what_will_not_do_boots_as_it_is(self):
        for payload, magic in ((gzip.compress(self.elf(note=1)), b"HdrS"),
                               (gzip.compress(b"no ELF file"), b"HdrS"),
                               (gzip.compress(self.elf())[:-4], b"HdrS"),
                               (b"unknown", b"HdrS"),
                               (gzip.compress(self.elf()), b"none")):
            with self.subTest(payload=payload[:4], magic=magic):
                self.assertEqual("vmlinuz-6.1", self.quickest(payload, magic)[0])


class Job(unittest.TestCase):
    """What is passed into the guest."""

    def test_any_byte_but_nul(self):
        self.assertEqual(b"arg=\xff a\n'=\0",
                         image.job_bytes([("arg", os.fsdecode(b"\xff a\n'="))]))
        with self.assertRaises(Trouble):
            image.job_bytes([("arg", "a\0b")])


class Needs(unittest.TestCase):
    """The files that a program cannot run without."""

    def script(self, text):
        """An executable file with this text."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name) / "script"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def test_a_program_runs_with_them_alone(self):
        files = image.needs_of("true")
        self.assertEqual("true", os.path.basename(files[0]))
        with tempfile.TemporaryDirectory() as root:
            for file in files:
                copy = pathlib.Path(root + file)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(pathlib.Path(file).read_bytes())
                copy.chmod(0o755)
            subprocess.run(["chroot", root, files[0]] if os.geteuid() == 0 else
                           ["unshare", "-r", "chroot", root, files[0]], check=True)

    def test_a_script_needs_its_interpreter(self):
        path = self.script("#! /bin/sh -e\ntrue\n")
        self.assertEqual([path, *image.needs_of("/bin/sh")], image.needs_of(path))

    def test_no_such_program(self):
        with self.assertRaisesRegex(Trouble, "nonsense"):
            image.needs_of("nonsense")


class Runs(unittest.TestCase):
    """The directories that are kept."""

    def test_prune_keeps_the_newest_and_the_latest(self):
        with tempfile.TemporaryDirectory() as name, \
             mock.patch("lab.paths.RUNS", pathlib.Path(name)):
            made = []
            for number in range(guest.KEPT + 5):
                path = pathlib.Path(name) / f"20260101-{number:06}-1-stock"
                path.mkdir()
                guest.write_result(path, {})
                made.append(path)
            guest.mark_latest(made[0], "wide")
            guest.prune_runs()
            left = {path for path in made if path.exists()}
            self.assertEqual({made[0], *made[5:]}, left)


class NoBoot(unittest.TestCase):
    """scripts/guest, where it ends before a guest has begun."""

    def guest(self, *arguments):
        """Run it."""
        with tempfile.TemporaryDirectory() as name:
            return subprocess.run(
                [TOP / "scripts/guest", "--log-dir", name, *arguments], check=False,
                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**os.environ, "EDUDMA_ACCEL": "tcg"})

    def expect_trouble(self, done, reason):
        """Status 125 and a line that says why."""
        self.assertEqual(125, done.returncode, done.stderr)
        self.assertIn(reason, done.stderr)

    def test_no_such_qemu(self):
        self.expect_trouble(self.guest("--qemu", "/nonexistent/qemu", "--", "true"),
                            "/nonexistent/qemu")

    def test_qemu_that_is_none(self):
        self.expect_trouble(self.guest("--qemu", "false", "--", "true"), "false")

    def test_qemu_that_refuses_its_arguments(self):
        self.expect_trouble(
            self.guest("--no-module", "--qemu-arg=-nonsense", "--", "true"), "nonsense")

    def test_no_such_module(self):
        self.expect_trouble(self.guest("--module", "/nonexistent.ko", "--", "true"),
                            "make module")

    def own_kernel(self, files, *arguments):
        """A run on the kernel of a build directory with these files."""
        with tempfile.TemporaryDirectory() as name:
            build = pathlib.Path(name)
            for path, content in files.items():
                (build / path).parent.mkdir(parents=True, exist_ok=True)
                (build / path).write_text(content)
            patch = {"EDUDMA_BUILD": str(build / "of edudma")}
            with mock.patch.dict(os.environ, patch):
                return build, self.guest("--kernel", name, *arguments, "--", "true")

    def test_own_kernel_that_is_none(self):
        self.expect_trouble(self.guest("--kernel", "/nonexistent/linux", "--", "true"),
                            "/nonexistent/linux: no such directory")
        build, done = self.own_kernel({})
        self.expect_trouble(done, f"make -C {build} bzImage modules")

    OWN = {".config": "CONFIG_64BIT=y\n", "include/config/kernel.release": "6.1.0-own\n",
           "arch/x86/boot/bzImage": "", "modules.builtin": "",
           "modules.builtin.modinfo": ""}

    def complete(self, *without):
        """A configuration with all that a guest needs, but for these."""
        options = (*own_kernel.BUILT_IN, *own_kernel.LOADED, *own_kernel.FOR_A_MODULE)
        return self.OWN | {".config": "".join(
            f"CONFIG_{name}=y\n" for name in ("64BIT", *options) if name not in without)}

    def test_own_kernel_without_its_image(self):
        files = dict(self.OWN)
        del files["arch/x86/boot/bzImage"]
        self.expect_trouble(self.own_kernel(files)[1], "no arch/x86/boot/bzImage")

    def test_own_kernel_whose_modules_are_not_built(self):
        build, done = self.own_kernel(self.OWN | {".config": "CONFIG_9P_FS=m\n"})
        self.expect_trouble(done, f"make -C {build} modules")

    def test_own_kernel_that_lacks_what_the_guest_needs(self):
        done = self.own_kernel(self.complete("OVERLAY_FS", "VIRTIO_CONSOLE", "DEVTMPFS"))[1]
        self.expect_trouble(done, "CONFIG_DEVTMPFS=y, CONFIG_VIRTIO_CONSOLE=y (or m), "
                                  "CONFIG_OVERLAY_FS=y (or m)")

    def test_own_kernel_without_the_driver(self):
        build, done = self.own_kernel(self.complete())
        self.expect_trouble(done, f"'make module KVER=6.1.0-own KDIR={build}'")

    def test_no_such_lane(self):
        self.expect_trouble(self.guest("--lane", "nowhere", "--", "true"), "stock")

    def test_no_such_share(self):
        self.expect_trouble(self.guest("--share", "/nonexistent", "--", "true"),
                            "/nonexistent")

    def test_share_without_the_hosts_files(self):
        self.expect_trouble(self.guest("--lane", "suspend", "--share", "/tmp", "--",
                                       "true"), "--share /tmp")

    def test_no_command(self):
        self.assertEqual(2, self.guest("--").returncode)


if __name__ == "__main__":
    unit.main()
