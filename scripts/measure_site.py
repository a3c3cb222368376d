"""Measure in Chromium how fast the built site appears; write what About shows.

Every page is opened several times by a browser that knows nothing of it, from a
server on the same machine: in a desktop's window as fast as that goes, and on a
phone's screen over a connection slowed to what Lighthouse calls slow 4G. The
medians go to `book/site_speed.json`. `python scripts/build_book.py` has to come
first; an idle machine gives the best numbers.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import time
from pathlib import Path

from site_browser import ROOT, chromium, served

OUTPUT = ROOT / "book" / "site_speed.json"
TIMEOUT_MS = 120_000  # generous: the machine may be busy
PAGES = {
    "home": "book/index.html",
    "glossary": "book/glossary.html",
    "chapter 05": "notebooks/05_sequence_pooling.html",
    "Try it": "book/try_it.html",
}
WINDOWS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {
        "viewport": {"width": 360, "height": 740},
        "has_touch": True,
        "is_mobile": True,
    },
}
# Lighthouse's slow 4G: bytes a second, and milliseconds to an answer.
SLOW = {
    "offline": False,
    "downloadThroughput": 1.6 * 1024**2 / 8,
    "uploadThroughput": 750 * 1024 / 8,
    "latency": 150,
}
ROUNDS = {"desktop": 5, "phone": 3}
QUIET_MS = 100

# The explorer's time runs from its first element to the frame that shows it.
WATCH = """
window.seen = {shift: 0, contentful: 0, blocked: 0, explorer: null};
const watch = (type, action) => new PerformanceObserver(
  list => list.getEntries().forEach(action)).observe({type, buffered: true});
watch('layout-shift', entry => { seen.shift += entry.value; });
watch('largest-contentful-paint', entry => {
  seen.contentful = entry.startTime;
});
watch('longtask', entry => { seen.blocked += entry.duration - 50; });
const append = Element.prototype.append;
Element.prototype.append = function (...nodes) {
  if (nodes[0]?.classList?.contains('cct-explorer')) {
    const start = performance.now();
    requestAnimationFrame(() => setTimeout(() => {
      seen.explorer ??= performance.now() - start;
    }));
  }
  return append.apply(this, nodes);
};
"""
READ = """() => {
  const files = performance.getEntries().filter(
    entry => ['navigation', 'resource'].includes(entry.entryType));
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return {
    first: paint.startTime,
    largest: seen.contentful,
    shift: seen.shift,
    blocked: seen.blocked,
    kilobytes: files.reduce((sum, file) => sum + file.transferSize, 0) / 1000,
    explorer: seen.explorer,
  };
}"""
READY = """() => document.readyState === 'complete' &&
  !!document.querySelector('.cct-explorer') === !!document.querySelector(
    "script[type='application/vnd.jupyter.widget-view+json']")"""
ANSWERED = "() => !document.querySelector('.try-it[aria-busy]')"


def open_once(browser, window, address):
    """What one first visit of a page measures."""
    context = browser.new_context(**WINDOWS[window])
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.add_init_script(WATCH)
    if window == "phone":
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW)
    page.goto(address, wait_until="load")
    page.wait_for_function(READY)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(QUIET_MS)
    found = page.evaluate(READ)
    context.close()
    return found


def first_answer(browser, address):
    """What the first picture on Try it costs, and how long it takes."""
    context = browser.new_context(**WINDOWS["desktop"])
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address, wait_until="networkidle")
    before = page.evaluate(READ)["kilobytes"]
    start = time.perf_counter()
    page.locator(".try-sample").first.click()
    page.locator(".try-bars tr").first.wait_for()
    page.wait_for_function(ANSWERED)
    seconds = time.perf_counter() - start
    kilobytes = page.evaluate(READ)["kilobytes"] - before
    context.close()
    return {"kilobytes": round(kilobytes), "seconds": round(seconds, 1)}


def median(visits, name, digits=0):
    """The median of one measure; None where a page has nothing of the kind."""
    values = [visit[name] for visit in visits if visit[name] is not None]
    return round(statistics.median(values), digits) if values else None


def processor():
    """The name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def measure(rounds):
    """All measures, with where and when they were taken."""
    load, rows = os.getloadavg()[0], []
    with served() as site, chromium() as browser:
        open_once(browser, "desktop", f"{site}/{PAGES['home']}")  # warms up
        for window in WINDOWS:
            for name, path in PAGES.items():
                visits = [
                    open_once(browser, window, f"{site}/{path}")
                    for _ in range(rounds[window])
                ]
                row = {"page": name, "path": path, "window": window}
                for key in ("first", "largest", "blocked", "kilobytes"):
                    row[key] = round(median(visits, key))
                row["shift"] = median(visits, "shift", 3)
                row["explorer"] = median(visits, "explorer", 0)
                rows.append(row)
        return {
            "date": datetime.date.today().isoformat(),
            "chromium": browser.version,
            "processor": processor(),
            "cores": os.cpu_count(),
            "load": round(load, 1),
            "rounds": rounds,
            "rows": rows,
            "first_answer": first_answer(browser, f"{site}/{PAGES['Try it']}"),
        }


def main():
    """Measure, write, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUTPUT)
    parser.add_argument("--rounds", type=int, help="visits of each page")
    options = parser.parse_args()
    start = time.perf_counter()
    rounds = dict.fromkeys(ROUNDS, options.rounds) if options.rounds else ROUNDS
    result = measure(rounds)
    options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    for row in result["rows"]:
        print(
            f"{row['window']:8}{row['page']:12}first {row['first']} ms, "
            f"largest {row['largest']} ms, shift {row['shift']}, "
            f"{row['kilobytes']} kB"
        )
    seconds = time.perf_counter() - start
    print(f"Measured in {seconds:.0f} s: {options.out}")


if __name__ == "__main__":
    main()
