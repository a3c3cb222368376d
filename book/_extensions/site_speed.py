"""How fast the site appears: a table of what `measure_site.py` wrote."""

import json
from html import escape

from result_tables import table

PATH = "book/site_speed.json"
COLUMNS = {
    "first": "first paint (ms)",
    "largest": "largest paint (ms)",
    "shift": "layout shift",
    "blocked": "blocked (ms)",
    "kilobytes": "received (kB)",
}


def render(root):
    """The table, what was measured how, and the command that repeats it."""
    result = json.loads((root / PATH).read_text("utf-8"))
    body = [
        (False, [row["page"], row["window"], *cells(row)])
        for row in result["rows"]
    ]
    columns = ("page", "window", *COLUMNS.values())
    numbers = range(2, len(columns))
    return "\n\n".join(
        [
            table(columns, body, numbers=numbers, label="speed of the site"),
            conditions(result),
            "```bash\npython scripts/measure_site.py\n```",
        ]
    )


def cells(row):
    """The numbers of one row as texts."""
    return [
        f"{row[name]:.3f}" if name == "shift" else f"{row[name]:,}"
        for name in COLUMNS
    ]


def conditions(result):
    """Where, when and how the numbers were taken, in sentences."""
    rounds, answer = result["rounds"], result["first_answer"]
    explorers = "; ".join(
        f"{row['explorer']:.0f} ms ({row['page']}, {row['window']})"
        for row in result["rows"]
        if row["explorer"] is not None
    )
    sentences = [
        f"Medians of first visits ({rounds['desktop']} on a desktop's screen, "
        f"{rounds['phone']} on a phone's), nothing cached, from a server on "
        "the same machine; for the phone, the connection is slowed to "
        "1.6 Mbit/s and 150 ms, the slow 4G of Lighthouse.",
        "The glossary stands for the pages without an explorer; every chapter "
        "has one.",
        "*Blocked* is what scripts took beyond 50 ms at a time. *Received* "
        "counts no figure further down, which waits until it comes near.",
        "From the start of an explorer to the frame that shows it: "
        f"{explorers}.",
        f"The first picture on *Try it* costs {answer['kilobytes']:,} kB more, "
        f"compressed, and {answer['seconds']:g} s.",
        f"{result['date']}, Chromium {escape(result['chromium'])}, "
        f"{escape(result['processor'])}, {result['cores']} cores.",
    ]
    if result["load"] > result["cores"] / 2:
        sentences.append(
            f"The machine was busy: {result['load']:g} other programs wanted "
            "a core, on average over the minute before."
        )
    return " ".join(sentences)
