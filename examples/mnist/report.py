"""The comparison, as a table for the terminal and as one page that needs no network."""

import html

# List price per request in CNY: 0.01 for 10,000, the same for both billing items (PutRequest and
# GetRequest), Standard class, Chinese mainland regions. Check the price page before you count on it.
PRICE = 0.01 / 10_000
PRICE_NOTE = ("0.01 CNY for 10,000 requests of either kind (Standard class, Chinese mainland; "
              "list price as of writing, 2026-11)")
PAGE_RATIO = 1.54 / 0.84


def figures(results, local, latency, steps):
    """What the table and the page show."""
    rows = []
    for name, result in results.items():
        requests = sum(result["requests"].values())
        # Loads are compared between fresh mounts; the third form's mount is the second's.
        load = result.get("load_median")
        rows.append({
            "name": name, "load": load, "load_once": result["load"],
            "trips": (load - local) / (latency / 1000) if load and latency else None,
            "stall": sum(result["stalls"]) / max(1, len(result["stalls"])),
            "stalls": result["stalls"], "total": result["total"],
            "accuracy": result["accuracy"], "requests": result["requests"], "count": requests,
            "load_requests": result.get("load_requests"), "cost": requests * PRICE,
        })
    by_name = {row["name"]: row for row in rows}
    ratio = by_name["read-write"]["load"] / by_name["split"]["load"]
    return {"rows": rows, "local": local, "latency": latency, "steps": steps, "ratio": ratio}


def shown_or_dash(number, digits):
    return "-" if number is None else f"{number:.{digits}f}"


def kinds(requests):
    return ", ".join(f"{name} {count}" for name, count in sorted(requests.items()))


def table(shown):
    out = [
        "",
        f"{'form':<30}{'load':>10}{'round trips':>13}{'stall per':>12}{'total':>9}{'requests':>10}{'cost':>13}",
        f"{'':<30}{'s':>10}{'over disk':>13}{'checkpoint':>12}{'s':>9}{'':>10}{'CNY':>13}",
    ]
    for row in shown["rows"]:
        out.append(f"{row['name']:<30}{shown_or_dash(row['load'], 3):>10}"
                   f"{shown_or_dash(row['trips'], 1):>13}"
                   f"{row['stall'] * 1000:>9.1f} ms{row['total']:>9.2f}{row['count']:>10}"
                   f"{row['cost']:>13.7f}")
    out.append(f"{'the same files on local disk':<30}{shown['local']:>10.3f}")
    out.append("")
    for row in shown["rows"]:
        if row["load_requests"]:
            out.append(f"requests to load, {row['name']}: {kinds(row['load_requests'])}")
    for row in shown["rows"]:
        out.append(f"requests in all, {row['name']}: {kinds(row['requests'])}")
    out.append(f"\nread-write / split: {shown['ratio']:.2f} (the page's was {PAGE_RATIO:.2f}); "
               f"loads are medians of fresh mounts; price: {PRICE_NOTE}")
    return "\n".join(out)


STYLE = """
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5b6472; --line: #d9dee6; --page: #fbfcfd;
  --card: #ffffff; --one: #b4541f; --two: #14746f; --three: #6b7fb0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --soft: #9aa4b2; --line: #333a45;
  --page: #15181d; --card: #1c2027; --one: #e08a55; --two: #4fb8b0; --three: #93a5d6; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; text-wrap: balance }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem }
p { max-width: 44rem; color: var(--soft); margin: .25rem 0 }
.big { display: flex; gap: 1rem; flex-wrap: wrap; margin: 1.5rem 0 0 }
.big div { flex: 1 1 12rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; padding: 1rem 1.25rem }
.big strong { display: block; font-size: 1.9rem; font-variant-numeric: tabular-nums }
.big span { color: var(--soft); font-size: .9rem }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .6rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .6rem .8rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left }
tr:last-child td { border-bottom: 0 }
th { font-weight: 600; color: var(--soft); font-size: .85rem }
svg { display: block; width: 100%; height: auto; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif }
svg .soft { fill: var(--soft) }
small { color: var(--soft) }
"""
COLOURS = ["var(--one)", "var(--two)", "var(--three)"]


def plot(shown):
    """Two groups of bars, each to its own scale: loading, and the stall of a checkpoint."""
    rows = shown["rows"]
    loads = [(row["name"], row["load"], colour) for row, colour in zip(rows, COLOURS)
             if row["load_requests"]]
    loads.append(("local disk", shown["local"], "var(--line)"))
    stalls = [(row["name"], row["stall"] * 1000, colour) for row, colour in zip(rows, COLOURS)]
    parts, y = [], 34
    for title, bars, unit in [("Loading the data set, seconds", loads, "s"),
                              ("Training waits for a checkpoint, milliseconds", stalls, "ms")]:
        parts.append(f'<text x="24" y="{y}" font-weight="600">{title}</text>')
        y += 14
        top = max(value for _, value, _ in bars) or 1
        for name, value, colour in bars:
            width = max(2, 440 * value / top)
            text = f"{value:.3f} s" if unit == "s" else f"{value:.1f} ms"
            parts.append(
                f'<text class="soft" x="230" y="{y + 17}" text-anchor="end">{html.escape(name)}</text>'
                f'<rect x="242" y="{y + 2}" width="{width:.1f}" height="22" rx="3" fill="{colour}"/>'
                f'<text x="{250 + width:.1f}" y="{y + 17}">{text}</text>')
            y += 30
        y += 34
    return (f'<svg viewBox="0 0 800 {y - 30}" role="img" aria-label="Loading and checkpoint stalls">'
            + "".join(parts) + "</svg>")


def page(shown):
    rows = "".join(
        f"<tr><td>{html.escape(row['name'])}</td><td>{shown_or_dash(row['load'], 3)}</td>"
        f"<td>{shown_or_dash(row['trips'], 1)}</td><td>{row['stall'] * 1000:.1f}</td><td>{row['total']:.2f}</td>"
        f"<td>{row['count']}</td><td>{row['cost']:.7f}</td></tr>" for row in shown["rows"])
    requests = "".join(
        f"<tr><td>{html.escape(row['name'])}</td><td style='text-align:left;white-space:normal'>"
        f"{html.escape(kinds(row['requests']))}</td></tr>" for row in shown["rows"])
    by_name = {row["name"]: row for row in shown["rows"]}
    both, split, oss2 = (by_name[name] for name in ("read-write", "split", "split, upload as on the page"))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ossplit: read-write and split training</title><style>{STYLE}</style></head><body><main>
<h1>Training on a bucket, once through one mount, once split</h1>
<p>{shown['steps']} steps of digit recognition, a checkpoint every 100, against the embedded server with
{shown['latency']} ms added to every request, which stands for a region's distance. Both forms ended with
the same checkpoints, byte for byte, at {100 * both['accuracy']:.1f} % accuracy.</p>
<div class="big">
<div><strong>{both['load']:.3f} s</strong><span>load, read-write mount<br>{both['trips']:.1f} round trips over local disk</span></div>
<div><strong>{split['load']:.3f} s</strong><span>load, split: read-only mount<br>{split['trips']:.1f} round trips over local disk</span></div>
<div><strong>{shown['ratio']:.2f}×</strong><span>read-write / split<br>(the page's figure: {PAGE_RATIO:.2f})</span></div>
<div><strong>{split['stall'] * 1000:.1f} ms</strong><span>training waits for a checkpoint, split<br>(oss2 as on the page:
{oss2['stall'] * 1000:.1f} ms)</span></div>
</div>
<h2>Where the time goes</h2>{plot(shown)}
<h2>Figures</h2><div class="scroll"><table>
<tr><th>form</th><th>load, s</th><th>round trips over disk</th><th>stall per checkpoint, ms</th><th>total, s</th><th>requests</th><th>cost, CNY</th></tr>
{rows}</table></div>
<h2>Requests by kind</h2><div class="scroll"><table>
<tr><th>form</th><th style="text-align:left">requests of the whole run</th></tr>{requests}</table></div>
<p><small>Loads are medians of fresh mounts. “split” saves with <code>ossplit.checkpoint</code>, which
uploads while training goes on; “as on the page” uploads with the official oss2 package while training waits. Price: {html.escape(PRICE_NOTE)}.</small></p>
</main></body></html>
"""
