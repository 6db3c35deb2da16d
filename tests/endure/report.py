"""The outages as a table in a document, between two markers, so that the words around them stay."""
import datetime
import os
import platform
import subprocess

BEGIN, END = "<!-- outages: written by tests/endure/run --report -->", "<!-- end of outages -->"


def table(found, rounds):
    """Markdown: how it was measured, and a row for each outage with a cell for each proxy."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"
    others = max(summary.foreign for summaries in found.values() for summary in summaries.values())
    yield f"{machine}, {datetime.date.today()}, commit {commit}, median of {rounds} rounds; other processes took up to"
    yield f"{others:.0%} of the machine. Each cell: failed requests; seconds until it was called down; until it was called up again;"
    yield "streams given to the ill server in two seconds."
    yield ""
    names = list(next(iter(found.values())))
    yield f"| setup and outage | {' | '.join(names)} |"
    yield "|---|" + "---|" * len(names)
    for outage, summaries in found.items():
        yield f"| {outage.replace('_', ', ')} | {' | '.join(cell(summary) for summary in summaries.values())} |"


def cell(summary):
    parts = [f"{summary.bad:.0f}"]
    if summary.down is not None:
        parts += [f"{summary.down:.2f}", f"{summary.up:.2f}", f"{summary.given:.0f}"]
    return "; ".join(parts)


def write(path, found, rounds):
    """Replaces what stands between the markers."""
    found = {name: summaries for name, summaries in found.items() if summaries}
    if not found:
        return
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(before + "\n".join([BEGIN, "", *table(found, rounds), "", END]) + after)
