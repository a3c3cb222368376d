// Training curves of several runs: epochs, time or images, smoothed or not.

/** The exponential mean, corrected for its start; a gap (null) stays one. */
export function smooth(values, amount) {
  let total = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    total = amount * total + (1 - amount) * value;
    weight = amount * weight + (1 - amount);
    return total / weight;
  });
}

/** Where each epoch ends: in epochs, minutes or images. */
export function positions(run, axis) {
  const epochs = Math.max(...Object.values(run.metrics).map((m) => m.length));
  if (axis === "images") return range(epochs).map((i) => (i + 1) * run.images);
  if (axis === "epochs") return range(epochs).map((i) => i + 1);
  let total = 0;
  return range(epochs).map((i) => (total += (run.seconds[i] ?? 0) / 60));
}

/** Round numbers that cover low to high, in about five steps. */
export function ticks(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 5));
  const step = [1, 2, 5, 10].map((n) => n * power).find((s) => span / s <= 5.0001);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return range(last - first + 1).map((i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** The epoch whose place on the axis is nearest, over all places given. */
export function nearestEpoch(places, x) {
  let best = [Infinity, 0];
  for (const list of places) {
    list.forEach((place, epoch) => {
      if (Math.abs(place - x) < best[0]) best = [Math.abs(place - x), epoch];
    });
  }
  return best[1];
}

/** The line of a curve, broken where it has a gap. */
export function curve(xs, ys, at) {
  return ys
    .map((y, i) => {
      if (y === null) return "";
      const begins = (ys[i - 1] ?? null) === null;
      const ends = (ys[i + 1] ?? null) === null;
      // A value between two gaps is a short stroke.
      return `${begins ? "M" : "L"}${at(xs[i], y)}${begins && ends ? "h.004" : ""}`;
    })
    .join("");
}

/**
 * Pairs of a run and its color, which it keeps as long as it is shown. A run
 * takes the color that its model has in the book's figures, if that is free.
 */
export function assignColors(pairs, shown, hues = []) {
  const kept = pairs.filter(([run]) => shown.includes(run));
  const isFree = (color) => kept.every(([, taken]) => taken !== color);
  const waiting = () => shown.filter((run) => kept.every(([other]) => other !== run));
  for (const run of waiting()) {
    if (hues[run] >= 0 && isFree(hues[run])) kept.push([run, hues[run]]);
  }
  for (const run of waiting()) kept.push([run, range(COLORS).find(isFree)]);
  return kept;
}

const COLORS = 6; // for any run; one more is that of a model, see curves.py
const isShare = (metric) => /accuracy|precision|recall|auc/i.test(metric);
const format = (metric, value) => {
  if (value === undefined || value === null) return "–";
  return isShare(metric) ? `${(100 * value).toFixed(2)} %` : value.toFixed(4);
};
const duration = (minutes) => {
  if (minutes >= 90) return `${(minutes / 60).toFixed(1)} h`;
  return minutes >= 1.5 ? `${minutes.toFixed(1)} min` : `${(60 * minutes).toFixed(0)} s`;
};
const LABELS = { epochs: "epoch", images: "images seen" };

/** A plane with ticks in words around it and lines in an SVG within. */
function plane(point) {
  const lines = make("svg:g");
  const dots = make("svg:g");
  const grid = make("svg:path", { class: "w-mark", stroke: "var(--w-line)" });
  const svg = make(
    "svg:svg",
    {
      class: "w-plane",
      viewBox: "0 0 1 1",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
      pointermove: (event) => {
        const box = svg.getBoundingClientRect();
        point((event.clientX - box.left) / box.width);
      },
      pointerleave: () => point(null),
    },
    grid,
    lines,
    dots,
  );
  svg.addEventListener("pointerdown", (event) => {
    const box = svg.getBoundingClientRect();
    point((event.clientX - box.left) / box.width, true);
  });
  const left = make("div", { class: "w-left" });
  const below = make("div", { class: "w-below" });
  const name = make("div", { class: "w-soft w-axis" });
  const root = make(
    "div",
    { class: "w-plot", "aria-hidden": "true" },
    left,
    svg,
    make("i"),
    below,
    make("i"),
    name,
  );
  const draw = ({ x, y, ends, axis, series, words }) => {
    const place = (value, [low, high]) => (value - low) / (high - low || 1);
    const heights = [y.at(0), y.at(-1)];
    grid.setAttribute("d", y.map((v) => `M0 ${1 - place(v, heights)}h1`).join(""));
    const label = (text, style) => make("span", { style }, text);
    left.replaceChildren(
      ...y.map((v) => label(words(v), `top:${100 * (1 - place(v, heights))}%`)),
    );
    below.replaceChildren(
      ...x.map((v) => label(v >= 1000 ? short(v) : String(v), `left:${100 * place(v, ends)}%`)),
    );
    name.textContent = axis;
    const at = (px, py) => `${place(px, ends)} ${1 - place(py, heights)}`;
    lines.replaceChildren(
      ...series.map(({ xs, ys, color, dashed }) =>
        make("svg:path", {
          class: `w-mark w-line w-run-${color}${dashed ? " w-dashed" : ""}`,
          d: curve(xs, ys, at),
        }),
      ),
    );
    dots.replaceChildren(
      ...series
        .filter(({ ys, epoch }) => (ys[epoch] ?? null) !== null)
        .map(({ xs, ys, color, epoch }) =>
          make("svg:path", {
            class: `w-mark w-point w-run-${color}`,
            d: `M${at(xs[epoch], ys[epoch])}h0`,
          }),
        ),
    );
  };
  return { root, draw };
}

const STYLE = `
.cct-explorer .w-runs { border: 0; display: flex; flex-wrap: wrap; gap: 0 1.25rem;
  margin: 0; min-width: 0; padding: 0; }
.cct-explorer .w-runs legend { color: var(--w-ink); float: none; font-size: .875rem;
  font-weight: 500; margin: 0; padding: 0; }
.cct-explorer .w-runs i { border-top: 4px solid currentColor; width: 1.25rem; }
.cct-explorer .w-runs :disabled ~ * { opacity: .55; }
.cct-explorer .w-plot { display: grid; grid-template-columns: 3.2rem minmax(0, 1fr);
  margin: .5rem .75rem .25rem 0; }
.cct-explorer .w-plane { cursor: crosshair; height: clamp(11rem, 40vw, 19rem);
  touch-action: pan-y; width: 100%; }
.cct-explorer .w-left, .cct-explorer .w-below { color: var(--w-soft);
  font-size: .75rem; font-variant-numeric: tabular-nums; position: relative; }
.cct-explorer .w-left span { position: absolute; right: .4rem;
  transform: translateY(-50%); white-space: nowrap; }
.cct-explorer .w-below { height: 1.25rem; }
.cct-explorer .w-below span { position: absolute; top: .15rem;
  transform: translateX(-50%); white-space: nowrap; }
.cct-explorer .w-axis { text-align: right; }
.cct-explorer .w-line { stroke: currentColor; stroke-linejoin: round;
  stroke-width: 2px; }
.cct-explorer .w-dashed { opacity: .8; stroke-dasharray: 3 4; }
.cct-explorer .w-point { stroke: currentColor; stroke-linecap: round;
  stroke-width: 10px; }
.cct-explorer .w-off { color: var(--w-line); }
.cct-explorer .w-run-0 { color: #0072b2; color: light-dark(#0072b2, #6db7f2); }
.cct-explorer .w-run-1 { color: #b3560a; color: light-dark(#b3560a, #f0a07c); }
.cct-explorer .w-run-2 { color: #00795c; color: light-dark(#00795c, #4fcfa8); }
.cct-explorer .w-run-3 { color: #a83e7d; color: light-dark(#a83e7d, #e58fc0); }
.cct-explorer .w-run-4 { color: #8a6500; color: light-dark(#8a6500, #f0c04a); }
.cct-explorer .w-run-5 { color: #4c6a92; color: light-dark(#4c6a92, #a9c4e8); }
.cct-explorer .w-run-6 { color: #4d0f38; color: light-dark(#4d0f38, #fbe4f1); }`;

/** One check box per run, in groups; a run that is shown has its color. */
function runBoxes(frame, runs, colorOf) {
  const boxes = runs.map((run, i) => {
    const change = () => {
      const others = frame.get("shown").filter((other) => other !== i);
      const now = box.checked ? [...others, i] : others;
      frame.set({ shown: now.sort((a, b) => a - b) });
    };
    const box = make("input", { type: "checkbox", change });
    return box;
  });
  const lines = runs.map(() => make("i"));
  const label = (i) =>
    make("label", { class: "w-check" }, boxes[i], lines[i], make("span", {}, runs[i].label ?? runs[i].name));
  const groups = [...new Set(runs.map((run) => run.group))];
  const fields = groups.map((group) =>
    make(
      "fieldset",
      { class: "w-runs" },
      make("legend", {}, group ?? "Runs"),
      ...range(runs.length).filter((i) => runs[i].group === group).map(label),
    ),
  );
  const full = make("p", { class: "w-soft" }, `${COLORS} runs at once are the most.`);
  const show = () => {
    const shown = frame.get("shown");
    full.hidden = shown.length < COLORS || runs.length <= COLORS;
    boxes.forEach((box, i) => {
      box.checked = shown.includes(i);
      box.disabled = !box.checked && shown.length >= COLORS;
      lines[i].setAttribute("class", box.checked ? `w-run-${colorOf(i)}` : "w-off");
    });
  };
  show();
  frame.watch("shown", show);
  return make("div", {}, ...fields, full);
}

function runTable() {
  const head = make("tr");
  const body = make("tbody");
  const root = make("table", {}, make("thead", {}, head), body);
  const draw = (titles, rows) => {
    head.replaceChildren(...titles.map((t) => make("th", { scope: "col" }, t)));
    body.replaceChildren(
      ...rows.map(([name, ...values]) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, name),
          ...values.map((value) => make("td", {}, value)),
        ),
      ),
    );
  };
  return { root, draw };
}

/**
 * The best epoch of a curve: the lowest loss, the highest of all else; -1 if
 * there is none.
 */
export function bestEpoch(metric, values) {
  const numbers = values.filter((value) => value !== null);
  const best = /loss|error/i.test(metric) ? Math.min(...numbers) : Math.max(...numbers);
  return values.indexOf(best);
}

function render({ model, el }) {
  const frame = new Frame(model, el, "Training curves");
  const runs = frame.get("runs");
  const has = (metric) => runs.some((run) => metric in run.metrics);
  const metrics = [
    ...new Set(
      runs.flatMap((run) => Object.keys(run.metrics).map((m) => m.replace(/^val_/, ""))),
    ),
  ];
  frame.choice("metric", { label: "Metric", options: metrics.map((m) => [m, m]) });
  const axes = [["epochs", "epochs"]];
  const clock = frame.get("clock");
  if (runs.every((run) => run.seconds.length)) axes.push(["minutes", `time, ${clock}`]);
  if (runs.every((run) => run.images)) axes.push(["images", "images seen"]);
  if (axes.length > 1) frame.choice("axis", { label: "Along", options: axes });
  frame.slider("smoothing", {
    label: "Smoothing",
    max: 0.95,
    step: 0.05,
    format: (value) => value.toFixed(2),
  });
  const longest = Math.max(...runs.map((run) => positions(run, "epochs").length));
  frame.slider("epoch", { label: "Read at epoch", min: 1, max: longest });
  frame.check("training", { label: "Training too, dashed" });

  let pairs = [];
  const colorOf = (run) => {
    pairs = assignColors(pairs, frame.get("shown"), runs.map((run) => run.hue));
    return pairs.find(([other]) => other === run)[1];
  };
  let hovered = null;
  let state;
  const chart = plane((x, final) => {
    const [start, end] = state.ends;
    const at = x === null ? null : start + x * (end - start);
    hovered = at === null ? null : nearestEpoch(state.places, at);
    if (final) frame.set({ epoch: hovered + 1 });
    frame.redraw();
  });
  const table = runTable();
  frame.body.append(
    make("style", {}, STYLE),
    runBoxes(frame, runs, colorOf),
    chart.root,
    table.root,
  );

  const draw = () => {
    const [metric, axis, shown] = ["metric", "axis", "shown"].map((n) => frame.get(n));
    const epoch = hovered ?? frame.get("epoch") - 1;
    const val = `val_${metric}`;
    const main = has(val) ? val : metric;
    const wanted = main === val && frame.get("training") ? [metric, main] : [main];
    const series = shown.flatMap((index) =>
      wanted
        .filter((name) => name in runs[index].metrics)
        .map((name) => ({
          xs: positions(runs[index], axis),
          ys: smooth(runs[index].metrics[name], frame.get("smoothing")),
          color: colorOf(index),
          dashed: name !== main,
          epoch,
        })),
    );
    const places = shown.map((index) => positions(runs[index], axis));
    const values = series.flatMap((s) => s.ys).filter((y) => y !== null);
    const ends = [0, Math.max(1e-9, ...places.flat())];
    const x = ticks(...ends).filter((tick) => tick <= ends[1]);
    const y = values.length ? ticks(Math.min(...values), Math.max(...values)) : [0, 1];
    state = { ends, places };
    const words = (v) => (isShare(metric) ? `${Number((100 * v).toFixed(1))} %` : String(v));
    chart.draw({ x, y, ends, axis: LABELS[axis] ?? clock, series, words });
    const rows = shown.map((index) => {
      const run = runs[index];
      const list = run.metrics[main] ?? run.metrics[metric] ?? [];
      const best = bestEpoch(metric, list);
      const minutes = run.seconds.length ? positions(run, "minutes") : [];
      return [
        run.name,
        format(metric, run.metrics[metric]?.[epoch]),
        ...(main === val ? [format(metric, run.metrics[val]?.[epoch])] : []),
        best < 0 ? "–" : `${format(metric, list[best])} (${best + 1})`,
        ...(minutes.length ? [epoch < minutes.length ? duration(minutes[epoch]) : "–"] : []),
      ];
    });
    const timed = runs.some((run) => run.seconds.length);
    const titles = ["run", "training", ...(main === val ? ["validation"] : []), "best (epoch)"];
    table.draw(timed ? [...titles, "after"] : titles, rows);
    const read = rows.map((row) => `${row[0]} ${row[main === val ? 2 : 1]}`);
    const kind = main === val ? "validation" : "training";
    frame.say(
      rows.length
        ? `Epoch ${epoch + 1}, ${kind} ${metric}: ${read.join("; ")}.`
        : "Choose a run to see its curve.",
    );
  };
  const names = ["metric", "axis", "shown", "smoothing", "epoch", "training"];
  return frame.start(names, draw);
}

export default { render };
