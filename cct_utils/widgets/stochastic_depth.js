// Which residual branches each sample passes. A block has two, attention and
// MLP, each with a coin of its own and with the block's probability.

/** The drop probability of each block: the linear rule. */
export function dropProbs(rate, layers) {
  return range(layers).map((i) => (rate * i) / Math.max(1, layers - 1));
}

/** One number in [0, 1) per branch and sample; a shared seed repeats one row. */
export function coins(seed, branches, samples, shared) {
  return range(branches).map((branch) => {
    const stream = shared ? 0 : branch;
    const next = randomNumbers(Math.imul(seed + 1, 0x9e3779b1) + stream * 7919);
    return range(samples).map(next);
  });
}

/** Which branches each sample passes, and how many on average. */
export function simulate({ num_layers, rate, samples, shared_seed, seed }) {
  const keep = dropProbs(rate, num_layers).flatMap((p) => [1 - p, 1 - p]);
  const drawn = coins(seed, keep.length, samples, shared_seed);
  const passes = drawn.map((row, i) => row.map((coin) => coin < keep[i]));
  const depths = range(samples).map((s) => sum(passes.map((row) => +row[s])));
  const mean = sum(depths) / samples;
  const spread = Math.sqrt(sum(depths.map((d) => (d - mean) ** 2)) / samples);
  return { keep, passes, depths, mean, spread, ...expected(keep, shared_seed) };
}

/** The distribution of the depth that the formula gives, for any number. */
export function expected(keep, shared) {
  const distribution = shared ? nested(keep) : independent(keep);
  const expectedMean = sum(keep);
  const variance = sum(distribution.map((p, d) => p * (d - expectedMean) ** 2));
  return { distribution, expectedMean, expectedSpread: Math.sqrt(variance) };
}

/** One coin per branch: convolve the branches' distributions. */
function independent(keep) {
  return keep.reduce(
    (before, k) =>
      range(before.length + 1).map(
        (d) => (before[d] ?? 0) * (1 - k) + (before[d - 1] ?? 0) * k,
      ),
    [1],
  );
}

/** One coin for all: at least d branches are passed with the d-th largest. */
function nested(keep) {
  const sorted = [1, ...[...keep].sort((a, b) => b - a), 0];
  return range(keep.length + 1).map((d) => sorted[d] - sorted[d + 1]);
}

const percent = (part) => `${Math.round(100 * part)} %`;
const BRANCHES = ["attention", "MLP"];

/** A row of samples; passed ones are filled, one of them is marked. */
function strip() {
  const passed = make("svg:path", { fill: "var(--w-accent)" });
  const chosen = make("svg:path", { fill: "var(--w-second)" });
  const root = make(
    "svg:svg",
    { class: "w-strip", preserveAspectRatio: "none", "aria-hidden": "true" },
    passed,
    chosen,
  );
  const cell = (s) => `M${s + 0.07} .06h.86v.88h-.86z`;
  const draw = (row, sample) => {
    root.setAttribute("viewBox", `0 0 ${row.length} 1`);
    const others = range(row.length).filter((s) => row[s] && s !== sample);
    passed.setAttribute("d", others.map(cell).join(""));
    chosen.setAttribute("d", row[sample] ? cell(sample) : "");
  };
  return { root, draw };
}

function blockRow(number) {
  const strips = [strip(), strip()];
  const kept = make("span", { class: "w-kept" });
  const root = make(
    "div",
    { class: "w-block" },
    make("span", {}, `block ${number}`),
    make("div", {}, ...strips.map((s) => s.root)),
    kept,
  );
  const draw = (keep, rows, sample) => {
    kept.textContent = percent(keep);
    strips.forEach((s, i) => s.draw(rows[i], sample));
  };
  return { root, draw };
}

/** How many samples have each depth: drawn as bars, expected as outlines. */
function histogram() {
  const bars = make("svg:path", { fill: "var(--w-accent)" });
  const outline = make("svg:path", {
    class: "w-mark",
    stroke: "var(--w-second)",
    "stroke-width": "2",
  });
  const root = make(
    "svg:svg",
    { class: "w-histogram", preserveAspectRatio: "none", "aria-hidden": "true" },
    bars,
    outline,
  );
  const draw = ({ depths, distribution }) => {
    const counts = distribution.map((_, d) => depths.filter((x) => x === d).length);
    const highest = Math.max(0.3, ...distribution) * depths.length;
    root.setAttribute("viewBox", `0 0 ${counts.length} ${highest}`);
    const bar = (n, d) => `M${d + 0.08} ${highest}v${-Math.min(n, highest)}h.84V${highest}z`;
    bars.setAttribute("d", counts.map(bar).join(""));
    const step = (p, d) => `L${d} ${highest - p * depths.length}h1`;
    const line = `M0 ${highest}${distribution.map(step).join("")}`;
    outline.setAttribute("d", line);
  };
  return { root, draw };
}

const STYLE = `
.cct-explorer .w-block { align-items: center; display: grid; gap: .5rem;
  font-size: .8125rem; font-variant-numeric: tabular-nums;
  grid-template-columns: 3.7rem minmax(0, 1fr) 2.9rem; margin-bottom: .25rem; }
.cct-explorer .w-kept { text-align: right; white-space: nowrap; }
.cct-explorer .w-strip { background: var(--w-well); height: .7rem;
  margin: 1px 0; width: 100%; }
.cct-explorer .w-histogram { border-bottom: 1px solid var(--w-control);
  height: 5rem; width: 100%; }`;

function render({ model, el }) {
  const frame = new Frame(model, el, "Stochastic depth: who passes which block");
  frame.slider("rate", {
    label: "Last block's rate",
    max: 0.9,
    step: 0.05,
    format: (rate) => rate.toFixed(2),
  });
  frame.slider("num_layers", { label: "Blocks", min: 1, max: 14 });
  const sample = frame.slider("sample", {
    label: "Marked sample",
    min: 1,
    max: frame.get("samples"),
  });
  frame.check("shared_seed", { label: "One shared seed" });
  frame.buttons(["Draw again", () => frame.set({ seed: frame.get("seed") + 1 })]);

  const blocks = range(14).map((i) => blockRow(i + 1));
  const chart = histogram();
  const ends = make("div", { class: "w-ends" });
  frame.body.append(
    make("style", {}, STYLE),
    make(
      "figure",
      {},
      ...blocks.map((block) => block.root),
      make(
        "figcaption",
        {},
        "A column is a sample: filled where it passes the branch, empty where " +
          "the branch is skipped. Upper strip attention, lower strip MLP; at the " +
          "right the chance of passing.",
      ),
    ),
    make(
      "figure",
      {},
      chart.root,
      ends,
      make(
        "figcaption",
        {},
        "Samples by the number of branches they pass: bars drawn, line expected.",
      ),
    ),
  );

  const names = ["num_layers", "rate", "samples", "shared_seed", "seed", "sample"];
  return frame.start(names, () => {
    const state = Object.fromEntries(names.map((name) => [name, frame.get(name)]));
    sample.bounds(1, state.samples);
    const result = simulate(state);
    const marked = Math.min(state.sample, state.samples) - 1;
    blocks.forEach((block, i) => {
      block.root.hidden = i >= state.num_layers;
      if (block.root.hidden) return;
      block.draw(result.keep[2 * i], result.passes.slice(2 * i, 2 * i + 2), marked);
    });
    chart.draw(result);
    const total = result.keep.length;
    ends.replaceChildren(make("span", {}, "0"), make("span", {}, `${total} branches`));
    frame.say(sentence(result, total, marked));
  });
}

function sentence(result, total, marked) {
  const skipped = range(total)
    .filter((branch) => !result.passes[branch][marked])
    .map((b) => `block ${Math.floor(b / 2) + 1} ${BRANCHES[b % 2]}`);
  return (
    `Expected ${result.expectedMean.toFixed(2)} of ${total} branches, measured ` +
    `${result.mean.toFixed(2)}; spread expected ` +
    `${result.expectedSpread.toFixed(2)}, measured ${result.spread.toFixed(2)}. ` +
    `Sample ${marked + 1} skips ${skipped.join(", ") || "nothing"}.`
  );
}

export default { render };
