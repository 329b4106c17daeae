#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Names, fragments and sources of kernels: nothing is compiled here."""

import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import Trouble, kernel_build, lanes, plan, unit


class Temporary(unittest.TestCase):
    """With a directory of its own."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def write(self, path, text):
        """A file in it."""
        path = self.directory / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Names(unittest.TestCase):
    """VERSION+CONFIG."""

    def test_base_is_in_all_and_later_fragments_win(self):
        files = [path.stem for path in kernel_build.parse_name("6.12+debug").fragments()]
        self.assertEqual(["base", "x86_64", "debug"], files)
        self.assertEqual(["base", "x86_64"],
                         [path.stem for path in kernel_build.parse_name("6.1+base").fragments()])

    def test_a_machine_of_its_own_is_compiled_for_by_its_own_compiler(self):
        name = kernel_build.parse_name("6.1+arm64+64k")
        self.assertEqual(["base", "arm64", "64k"], [path.stem for path in name.fragments()])
        self.assertEqual("aarch64-linux-gnu-gcc", name.arch.compiler)
        self.assertEqual("gcc", kernel_build.parse_name("6.12+i386").arch.compiler)

    def test_a_lane_and_its_kernel_are_of_one_machine(self):
        for lane in map(lanes.load, lanes.names()):
            self.assertEqual(lane.built_for, kernel_build.parse_name(lane.kernel).arch,
                             lane.name)

    def test_another_machine_takes_the_place_of_the_first(self):
        self.assertEqual(["base", "i386", "debug"],
                         [path.stem for path in kernel_build.parse_name("6.12+debug+i386").fragments()])

    def test_what_is_the_same_is_called_the_same(self):
        self.assertEqual(kernel_build.parse_name("6.1"), kernel_build.parse_name("6.1+base"))

    def test_unknown_configuration(self):
        with self.assertRaisesRegex(Trouble, "no configuration 'none'.*debug"):
            kernel_build.parse_name("6.1+none")

    def test_those_of_the_lanes_are_known(self):
        wanted = [lanes.load(lane).kernel for lane in lanes.names()]
        self.assertIn("6.1+debug", wanted)
        for kernel in filter(None, wanted):
            kernel_build.parse_name(kernel)


class Fragments(Temporary):
    """What of them is taken, and what must come of it."""

    def read(self, text, number=(6, 1)):
        """The options of a fragment."""
        return kernel_build.read_fragment(self.write("some.config", text), number)

    def test_versions_from_and_to(self):
        text = ("CONFIG_A=y\n# a remark\nCONFIG_B=y  # before 6.8\n"
                "CONFIG_C=n\t# since 6.8\nCONFIG_D=\"x\" # since 5.11 before 6.2\n")
        self.assertEqual({"CONFIG_A": "y", "CONFIG_B": "y", "CONFIG_D": '"x"'},
                         self.read(text))
        self.assertEqual({"CONFIG_A": "y", "CONFIG_C": "n"}, self.read(text, (6, 8)))
        self.assertEqual({"CONFIG_A": "y", "CONFIG_B": "y"}, self.read(text, (5, 10)))

    def test_machines(self):
        path = self.write("some.config", "CONFIG_A=y\t# on x86\nCONFIG_B=y  # on arm64 before 6.2\n")
        self.assertEqual({"CONFIG_A": "y"}, kernel_build.read_fragment(path, (6, 1)))
        self.assertEqual({"CONFIG_B": "y"}, kernel_build.read_fragment(path, (6, 1), "arm64"))
        self.assertEqual({}, kernel_build.read_fragment(path, (6, 2), "arm64"))

    def test_what_is_no_option(self):
        with self.assertRaisesRegex(Trouble, "some.config:2: .*CONFIG_B y"):
            self.read("CONFIG_A=y\nCONFIG_B y\n")

    def test_later_ones_win(self):
        one, other = (self.write(file, text) for file, text in (
            ("one", "CONFIG_A=y\nCONFIG_B=y\n"), ("other", "CONFIG_B=n\n")))
        self.assertEqual({"CONFIG_A": "y", "CONFIG_B": "n"},
                         kernel_build.merge_options([one, other], (6, 1)))

    def test_words_for_make(self):
        path = self.write("some", "#make A=n\n# make B=n\nCONFIG_A=y\n")
        self.assertEqual(["A=n"], kernel_build.make_words([path]))

    def test_an_option_that_was_lost_is_named(self):
        result = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\nCONFIG_E=5\n"
        self.assertEqual([], kernel_build.lost_options({"CONFIG_A": "y", "CONFIG_B": "n",
                                          "CONFIG_Z": "n", "CONFIG_E": "5"}, result))
        self.assertEqual(
            ["CONFIG_B=y (is not set)", "CONFIG_A=n (is y)", "CONFIG_C=y (is m)"],
            kernel_build.lost_options({"CONFIG_B": "y", "CONFIG_A": "n", "CONFIG_C": "y"}, result))

    def test_ours_can_be_read(self):
        for file in kernel_build.FRAGMENTS.glob("*.config"):
            self.assertTrue(kernel_build.read_fragment(file, (6, 12)), file)


class Sources(Temporary):
    """Which source a version comes to."""

    VERSIONS = {"linux-source": ["7.3~rc2-1~exp1", "7.2.13-1", "6.12.94-1"],
                "linux-source-7.3": ["7.3~rc2-1~exp1"],
                "linux-source-7.2": ["7.2.13-1"]}

    def setUp(self):
        super().setUp()
        for patch in (
                mock.patch.object(kernel_build, "INSTALLED", self.directory / "usr"),
                mock.patch("lab.paths.cache", lambda: self.directory),
                mock.patch.object(kernel_build.ARCHIVE, "binary_versions",
                                  lambda package: self.VERSIONS.get(package, [])),
                mock.patch.object(kernel_build, "_fetch", self.fetch)):
            patch.start()
            self.addCleanup(patch.stop)
        self.fetched = []

    def fetch(self, package, version, home):
        """In place of the archive."""
        self.fetched.append((package, version))
        self.write(home / "src/Makefile", "VERSION = 7\nPATCHLEVEL = 2\n")
        return version != "7.3~rc2-1~exp1"

    def test_newest_is_no_candidate(self):
        found = kernel_build.prepare_source("newest")
        self.assertEqual(("7.2.13-1", (7, 2)), (found.version, found.number))
        self.assertEqual([("linux-source-7.2", "7.2.13-1")], self.fetched)

    def test_it_is_asked_for_once(self):
        self.assertIsNone(kernel_build.known_source("7.2"))
        self.assertEqual(kernel_build.prepare_source("7.2"), kernel_build.prepare_source("7.2"))
        self.assertEqual(kernel_build.known_source("7.2"), kernel_build.prepare_source("newest"))
        self.assertEqual(1, len(self.fetched))

    def test_lost_by_the_archive(self):
        with self.assertRaisesRegex(Trouble, "no kernel 'candidate'.* lost linux-source-7.3"):
            kernel_build.prepare_source("candidate")

    def test_never_packaged(self):
        with self.assertRaisesRegex(Trouble, "no kernel '4.1'.* no linux-source-4.1"):
            kernel_build.prepare_source("4.1")

    def test_another_configuration_is_another_kernel(self):
        found = kernel_build.prepare_source("7.2")
        digests = {kernel_build.describe(kernel_build.parse_name(f"7.2+{words}"), found).digest
                   for words in ("base", "debug")}
        self.assertEqual(2, len(digests))


class Sets(unittest.TestCase):
    """What `make test` leaves to others."""

    def names(self, which):
        """What a set runs."""
        return {item.name for item in plan.wanted(sets=(which,))}

    def needs(self, *names):
        """What has to be built for lanes."""
        return sorted({need for item in plan.wanted(names) for need in item.needs})

    def test_a_set_has_its_lanes_and_tests(self):
        self.assertEqual({"debug", "express", "debug-ring", "kcsan", "kcsan-ring",
                          "clients", "suspend-ring", "lsi", "port.contract",
                          "recipes", "runner.timeline", "labs.sample",
                          "detectors.proof"},
                         self.names("debug"))

    def test_make_test_has_none_of_them(self):
        names = self.names("gate")
        self.assertLess({"stock", "runner.kernels"}, names)
        self.assertFalse(names & {"debug", "detectors.proof"})

    def test_what_has_to_be_built(self):
        self.assertEqual([], self.needs("stock"))
        self.assertEqual(["kernel-6.1+debug", "qemu"], self.needs("stock", "debug-ring"))
        self.assertEqual(["qemu", "tests32"], self.needs("stock", "compat32"))
        self.assertEqual(["qemu-newest"], self.needs("edu-newest"))
        self.assertEqual(["port-lsi53c895a"], self.needs("lsi"))


unit.main()
