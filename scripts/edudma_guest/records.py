# SPDX-License-Identifier: GPL-2.0-only
"""What the guest's init reports: lines "nonce key value" on a port."""


class Records:
    """The records so far.  A line without this run's nonce is not one."""

    def __init__(self, nonce):
        self.nonce = nonce
        self.values = {}
        self._rest = b""

    def feed(self, data):
        """Take bytes from the port; return the keys that became complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        new = []
        for line in lines:
            words = line.decode(errors="replace").split(" ", 2)
            if len(words) == 3 and words[0] == self.nonce:
                self.values[words[1]] = words[2]
                new.append(words[1])
        return new

    def get(self, key):
        """A record's value, or None."""
        return self.values.get(key)

    @property
    def complete(self):
        """Has the guest come to its end?"""
        return "end" in self.values

    def numbers(self, key):
        """A record of two numbers."""
        try:
            first, second = self.values[key].split()
            return int(first), int(second)
        except (KeyError, ValueError):
            return None

    def status(self):
        """The command's exit status as a shell has it, or None."""
        how, _, number = self.values.get("status", "").partition(" ")
        if how == "exit":
            return int(number)
        if how == "signal":
            return 128 + int(number)
        return None
