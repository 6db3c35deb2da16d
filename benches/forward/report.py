"""The results as a table in a document, between two markers, so that the words around them stay."""
import statistics

import loads

BEGIN, END = "<!-- results: written by benches/forward/run --report -->", "<!-- end of results -->"


def middle(samples, key):
    return statistics.median(s[key] for s in samples)


def ratio(taken, base):
    """Median over the rounds of CPU time per request relative to the sample of `base` in the same round."""
    bases = {s["round"]: s["cpu_us"] for s in base}
    ratios = [s["cpu_us"] / bases[s["round"]] for s in taken if bases.get(s["round"])]
    return statistics.median(ratios) if ratios else float("nan")


def table(outcome):
    """Markdown: where and how it was measured, a row for each load, a row for each kind of idle connection."""
    names = list(outcome["proxies"])
    base, own = names[0], names[-1]
    rounds = outcome["options"]["rounds"]
    yield f"{outcome['machine']}, {outcome['date'][:10]}, commit {outcome['commit']}, median of {rounds} rounds."
    yield ""
    yield f"| CPU time per request, us | {' | '.join(names)} | {own} to {base} | requests/s, {base} | {own} |"
    yield "|---|" + "---|" * (len(names) + 3)
    for name, load in loads.LOADS.items():
        samples = outcome["loads"].get(name, {})
        if not all(samples.get(proxy) for proxy in names):
            continue
        cells = [f"{middle(samples[proxy], 'cpu_us'):.1f}" for proxy in names]
        cells.append(f"**{ratio(samples[own], samples[base]):.2f}**")
        cells += [f"{middle(samples[proxy], 'rate'):,.0f}" for proxy in (base, own)]
        yield f"| {load.title} | {' | '.join(cells)} |"
    yield ""
    yield f"| memory per idle connection, KiB | {' | '.join(names)} |"
    yield "|---|" + "---|" * len(names)
    for name, tls in loads.IDLE.items():
        samples = outcome["loads"].get(name, {})
        if all(samples.get(proxy) for proxy in names):
            cells = [f"{middle(samples[proxy], 'pss_kib'):.2f}" for proxy in names]
            yield f"| {'TLS' if tls else 'plain'} | {' | '.join(cells)} |"


def write(path, outcome):
    """Replaces what stands between the markers."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(before + "\n".join([BEGIN, "", *table(outcome), "", END]) + after)
