# SPDX-License-Identifier: GPL-2.0-only
"""Run lanes and the host's programs, with what has to be built for them.

What is built is a job like the tests: those that do not need it run meanwhile.
"""

import contextlib
import os
import sys
import time
import traceback

from . import Trouble, lanes, paths, plan, results, schedule

# What `make test-quick` runs.
QUICK = ("stock ring", "node.* transfer.* signal.*", ("check.uapi",))
# A compiler at low priority leaves the processors to guests that can use them.
BUILD_WEIGHT = 0.5


def _environment(**more):
    """Without what a make above was told, which is not meant for those below."""
    return {**{name: value for name, value in os.environ.items()
               if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}, **more}


def _build_job(target, logs, known):
    """A target of the top Makefile as a job."""
    name = f"make {target}"

    async def work():
        print(f"build             {target} ...", flush=True)
        started = time.monotonic()
        with open(logs / f"make-{target}.log", "wb") as log:
            async with schedule.process(
                    ["make", "--no-print-directory", "-C", paths.TOP, target],
                    stderr=log, env=_environment()) as process:
                while chunk := await process.stdout.read(1 << 16):
                    log.write(chunk)
        seconds = time.monotonic() - started
        word = "FAILED" if process.returncode else "built"
        print(f"{word:6} {seconds:7.2f} s  {target}", flush=True)
        if not process.returncode:
            results.keep_durations({name: seconds})
        return not process.returncode
    return schedule.Job(name, work, BUILD_WEIGHT, seconds=known.get(name))


def _item_job(item, logs, known):
    """A lane or a program of the host as a job."""
    place = logs / item.name
    key = item.name if not item.patterns else ""

    async def work():
        recorder = results.Recorder(item.name, place, None if item.lane else item.skips)
        command = ([sys.executable, "-B", "-m", "lab.lane", item.path.stem, place]
                   if item.lane else [item.path])
        choice = ({"T": item.patterns} if item.lane else
                  {"EDUDMA_TEST": item.patterns} if item.patterns else {})
        environment = _environment(PYTHONPATH=str(paths.SCRIPTS), **choice,
                                   **({"ALL": "1"} if item.whole else {}))
        status = None
        try:
            async with schedule.process(command, cwd=paths.TOP, env=environment) as process:
                async for line in process.stdout:
                    recorder.line(line.decode(errors="replace").rstrip("\n"))
            status = process.returncode
        finally:
            if status is not None:
                seconds = recorder.end(status)
                if key:
                    results.keep_durations({key: seconds})
        return not status and all(test["ok"] for test in recorder.tests)
    return schedule.Job(item.name, work, item.weight,
                        tuple(f"make {target}" for target in item.needs), known.get(key))


def _once(items):
    """Run them; (what they left, did a signal end it?)."""
    logs = results.make_directory()
    known = results.durations()
    targets = dict.fromkeys(target for item in items for target in item.needs)
    jobs = [_build_job(target, logs, known) for target in targets]
    jobs += [_item_job(item, logs, known) for item in items]

    def note(job, text):
        # What leaves no note either is known by not having ended.
        with contextlib.suppress(OSError):
            (logs / job.name).mkdir(exist_ok=True)
            (logs / job.name / "blocked").write_text(text)

    def blocked(job, need):
        note(job, f"'{need}' failed: {paths.shown(logs)}/{need.replace(' ', '-')}.log")

    def raised(job, error):
        schedule.complain(job, error)
        note(job, "".join(traceback.format_exception(error)))
    stopped = False
    try:
        schedule.run(jobs, schedule.room(), blocked, raised)
    except schedule.Stopped:
        stopped = True
    left = [results.Result(logs / item.name) for item in items]
    try:
        results.write_junit(left, logs / "junit.xml")
    except OSError as error:
        print(f"test: junit.xml: {error}", file=sys.stderr)
    return left, stopped


def _tell(left, seconds):
    """Print what came out; the number of failures."""
    print()
    for line in results.table(left):
        print(line)
    print("\nthe slowest:")
    for line in results.slowest(left):
        print(line)
    print()
    # Last, where they are seen, however long the table is.
    for result in left:
        for line in results.failures(result):
            print(line)
    print(f"{seconds // 60:.0f} min {seconds % 60:.0f} s")


def _failed_items():
    """What failed in the last run: its tests alone, or all if it is more than tests."""
    items = []
    for result in results.latest():
        if not result.count()[1]:
            continue
        path = plan.host_tests().get(result.name, paths.LANES / f"{result.name}.conf")
        names = result.failed()
        # The verdict, and what is skipped, are those of all tests together.
        alone = names and not any(name.startswith(f"{result.name}.") for name in names)
        items.append(plan.Item(path, " ".join(names) if alone else ""))
    return items


def _quick_items():
    names, patterns, host = QUICK
    return plan.wanted(names.split(), patterns) + [
        plan.Item(plan.host_tests()[name]) for name in host]


def _items(arguments):
    """What is to run."""
    names = os.environ.get("LANES", "").split()
    sets = os.environ.get("SETS", "").split() or [plan.GATE]
    unknown = sorted(set(sets) - set(plan.SETS))
    if unknown:
        raise Trouble(f"SETS={' '.join(unknown)}: there are {', '.join(plan.SETS)}")
    if "--failed" in arguments:
        return _failed_items()
    if "--quick" in arguments:
        return _quick_items()
    return plan.wanted(names, os.environ.get("T", ""), sets, bool(os.environ.get("ALL")))


def _lanes_table():
    """The lanes, in Markdown."""
    yield "| lane | in | kernel | tests | shows |"
    yield "| --- | --- | --- | --- | --- |"
    for which in (*plan.SETS, ""):
        for name in plan.lanes_of(which):
            lane = lanes.load(name)
            some = "what it adds" if lane.tests else "all"
            yield (f"| `{name}` | {which or 'by name'} | {lane.kernel or 'distribution'} | "
                   f"{lane.suites}: {some} | {lane.about} |")


def _every():
    """All that there is, set by set."""
    return [item for which in plan.SETS for item in plan.wanted(sets=(which,))]


def _count():
    """COUNT."""
    text = os.environ.get("COUNT") or "1"
    if not text.isdigit() or not int(text):
        raise Trouble(f"COUNT={text}: how often?")
    return int(text)


def main(arguments, usage):
    """The program."""
    known = {"--failed", "--quick", "--targets", "--lanes", "--report"}
    if set(arguments) - known:
        print(usage.strip())
        return 0 if "--help" in arguments else 2
    try:
        if "--lanes" in arguments:
            print("\n".join(_lanes_table()))
            return 0
        if "--report" in arguments:
            print("\n".join(results.report([item.name for item in _every()])))
            return 0
        items = _items(arguments)
        if "--targets" in arguments:
            print("\n".join(sorted({need for item in items for need in item.needs})))
            return 0
        times = _count()
    except Trouble as trouble:
        print(f"test: {trouble}", file=sys.stderr)
        return 1
    if not items:
        print("test: nothing failed in the last run" if "--failed" in arguments else
              f"test: no test matches '{os.environ.get('T', '')}'", file=sys.stderr)
        print("\n0 passed, 0 failed, 0 skipped")
        return 1
    for number in range(1, times + 1):
        if times > 1:
            print(f"run {number} of {times}", flush=True)
        started = time.monotonic()
        left, stopped = _once(items)
        _tell(left, time.monotonic() - started)
        passed, failed, skipped = results.totals(left)
        if failed or stopped:
            break
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or stopped or not passed else 0
