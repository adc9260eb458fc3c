"""Runs judges, compares what they print with what is expected, and writes the table."""

import collections
import json
import os
import subprocess
import tomllib

from clients import CLIENTS, HERE, ROOT

TABLE = ROOT / "docs" / "compatibility.md"
LIMIT = 240


def rows():
    """(heading, [operation, ...]) in the table's order."""
    groups = []
    for line in (HERE / "operations.txt").read_text().splitlines():
        if line.startswith("## "):
            groups.append((line[3:], []))
        elif line and not line.startswith("#"):
            groups[-1][1].append(line)
    return groups


OPERATIONS = [operation for _, group in rows() for operation in group]


class Expected:
    """What does not pass, and why: expected.toml."""

    def __init__(self):
        entries = tomllib.loads((HERE / "expected.toml").read_text()).get("fails", [])
        known = {client.name for client in CLIENTS}
        self.entries = entries
        self.used = [False] * len(entries)
        for entry in entries:
            unknown = set(entry["operations"]) - set(OPERATIONS)
            unknown |= set(entry.get("clients", [])) - known
            assert not unknown, f"expected.toml names what there is not: {sorted(unknown)}"
            assert entry["reason"], entry

    def reason(self, client, signature, operation):
        for index, entry in enumerate(self.entries):
            if (operation in entry["operations"]
                    and client in entry.get("clients", [client])
                    and signature in entry.get("signatures", [signature])):
                self.used[index] = True
                return entry["reason"]
        return None

    def stale(self):
        return [entry for entry, used in zip(self.entries, self.used) if not used]


class Results:
    """Everything that was printed: client -> operation -> {(store, signature): error or None}."""

    def __init__(self):
        self.found = collections.defaultdict(lambda: collections.defaultdict(dict))
        self.runs = set()
        self.expected = Expected()

    def add(self, client, store, signature, operation, error):
        self.found[client][operation][store, signature] = error

    def cell(self, client, operation, notes):
        """✓, —, or ✗ with the number of the reason; `notes` collects reasons."""
        runs = self.found[client.name].get(operation)
        if not runs:
            return "—"
        failed = sorted({signature for (_, signature), error in runs.items() if error})
        if not failed:
            return "✓"
        numbers = []
        for signature in failed:
            reason = self.expected.reason(client.name, signature, operation) or "unexplained"
            if reason not in notes:
                notes.append(reason)
            number = str(notes.index(reason) + 1)
            if number not in numbers:
                numbers.append(number)
        passed = {signature for _, signature in runs} - set(failed)
        which = " " + " ".join(s.upper() for s in failed) if passed else ""
        return f"✗{which} ({', '.join(numbers)})"

    def table(self):
        """docs/compatibility.md."""
        notes = []
        lines = [
            "# Compatibility", "",
            "Written by `make judges`: do not edit. Clients that we did not write run against",
            "`ossplit serve`, with the memory store and the directory store, once with each signature",
            "version that the client offers.", "",
            "✓ passes in every run; ✗ fails (the signature versions it fails in, if not all; the number",
            "is the reason below); — the client does not offer it, or it would show nothing new.", "",
            "| | client | language | version | signatures | buckets are named in |",
            "|---|---|---|---|---|---|",
        ]
        for index, client in enumerate(CLIENTS):
            lines.append(
                f"| {letter(index)} | {client.name} | {client.language} | {client.version} | "
                f"{' '.join(s.upper() for s in client.signatures)} | "
                f"{'the Host' if client.virtual_host else 'the path'} |")
        for heading, operations in rows():
            body = []
            for operation in operations:
                cells = [self.cell(client, operation, notes) for client in CLIENTS]
                if any(cell != "—" for cell in cells):
                    body.append(f"| {operation} | " + " | ".join(cells) + " |")
            if body:
                letters = [letter(index) for index in range(len(CLIENTS))]
                lines += ["", f"## {heading}", "", "| | " + " | ".join(letters) + " |",
                          "|---|" + "---|" * len(CLIENTS), *body]
        if notes:
            lines += ["", "## Reasons", ""]
            lines += [f"{number}. {note}" for number, note in enumerate(notes, 1)]
        return "\n".join(lines) + "\n"


def letter(index):
    return chr(ord("A") + index)


def run(client, environment):
    """Runs a judge; gives its lines and whether it ended well."""
    done = subprocess.run(client.command, env=dict(os.environ, **environment), cwd=HERE,
                          capture_output=True, text=True, timeout=LIMIT, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"operation"')]
    return lines, done.returncode, done.stderr[-2000:]
