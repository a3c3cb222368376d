// Sequence pooling: scores, softmax weights, pooled vector, class probabilities.

/** pooled = weights @ tokens, logits = pooled @ kernel + bias. */
export function pool(scores, tokens, kernel, bias) {
  const weights = softmax(scores);
  const size = tokens.length / scores.length;
  const pooled = new Float64Array(size);
  weights.forEach((weight, t) => {
    for (let i = 0; i < size; i++) pooled[i] += weight * tokens[t * size + i];
  });
  const logits = bias.map((value, c) => {
    let total = value;
    pooled.forEach((x, i) => (total += x * kernel[i * bias.length + c]));
    return total;
  });
  const entropy = -sum(weights.map((w) => (w > 0 ? w * Math.log(w) : 0)));
  const equal = Math.exp(entropy);
  return { weights, pooled, logits, probabilities: softmax(logits), equal };
}

/** The least and the greatest score that can be set. */
export function limits(learned) {
  const low = Math.floor(Math.min(...learned)) - 2;
  return [low, Math.max(Math.ceil(Math.max(...learned)) + 2, low + 18)];
}

const PRESETS = {
  Learned: (learned) => [...learned],
  Average: (learned) => learned.map(() => 0),
  // What a class token does: one token's vector alone is handed on.
  "This token as class token": (learned, token) => {
    const [low, high] = limits(learned);
    return learned.map((_, t) => (t === token ? high : low));
  },
};

const percent = (part) => `${(100 * part).toFixed(1)} %`;

/** A bar for each token's score, to be dragged. */
function scoreChart(drag) {
  const bars = make("svg:path", { fill: "var(--w-accent)" });
  const chosen = make("svg:path", { fill: "var(--w-second)" });
  const ticks = make("svg:path", {
    class: "w-mark",
    stroke: "var(--w-ink)",
    "stroke-width": "1.5",
  });
  const point = (event) => {
    if (event.buttons !== 1) return;
    const box = root.getBoundingClientRect();
    drag(
      (event.clientX - box.left) / box.width,
      1 - (event.clientY - box.top) / box.height,
    );
  };
  const root = make(
    "svg:svg",
    {
      class: "w-scores",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
      pointerdown: (event) => {
        root.setPointerCapture(event.pointerId);
        point(event);
      },
      pointermove: point,
    },
    bars,
    chosen,
    ticks,
  );
  const draw = (scores, learned, token) => {
    const [low, high] = limits(learned);
    const height = (score) => clamp((score - low) / (high - low), 0, 1);
    root.setAttribute("viewBox", `0 0 ${scores.length} 1`);
    const bar = (t) => `M${t + 0.1} 1V${1 - height(scores[t])}h.8V1z`;
    const others = range(scores.length).filter((t) => t !== token);
    bars.setAttribute("d", others.map(bar).join(""));
    chosen.setAttribute("d", bar(token));
    const tick = (score, t) => `M${t} ${1 - height(score)}h1`;
    ticks.setAttribute("d", learned.map(tick).join(""));
  };
  return { root, draw };
}

const STYLE = `
.cct-explorer .w-scores { background: var(--w-well); cursor: ns-resize;
  height: 7rem; touch-action: none; width: 100%; }
.cct-explorer .w-score { min-width: 6ch; text-align: right; }
.cct-explorer .w-strip { height: 1.5rem; image-rendering: pixelated; width: 100%; }`;

async function render({ model, el }) {
  const frame = new Frame(model, el, "Sequence pooling: which tokens decide");
  const [rows, columns] = frame.get("grid");
  const count = rows * columns;
  const names = frame.get("class_names");
  const allTokens = halfFloats(frame.get("tokens"));
  const kernel = halfFloats(frame.get("kernel"));
  const bias = frame.get("bias");
  const length = count * (kernel.length / bias.length);
  const learned = () => frame.get("learned")[frame.get("image")];
  const tokens = () => {
    const start = frame.get("image") * length;
    return allTokens.subarray(start, start + length);
  };
  const edit = (changes) => {
    const scores = [...frame.get("scores")];
    for (const [t, score] of changes) scores[t] = Number(score.toFixed(2));
    frame.set({ scores });
  };

  const titles = frame.get("titles");
  if (titles.length > 1) {
    frame.choice("image", { label: "Picture", options: titles.map((t, i) => [i, t]) });
  }
  const output = make("output", { "aria-hidden": "true", class: "w-score" });
  const score = make("input", {
    type: "range",
    step: "0.1",
    input: () => edit([[frame.get("token"), Number(score.value)]]),
  });
  frame.control("Score of the token", score, output);
  frame.buttons(
    ...Object.entries(PRESETS).map(([name, preset]) => [
      name,
      () => frame.set({ scores: preset(learned(), frame.get("token")) }),
    ]),
  );

  let hovered = null;
  const place = () => ({ rows, columns, token: frame.get("token") });
  const choose = (token, final) => {
    hovered = final ? null : token;
    if (final) frame.set({ token });
    frame.redraw();
  };
  const pair = heatPair({
    label: "Token",
    picture: "The picture, dark where the weight is low.",
    map: "Weight of each token, from 0 (dark) to the largest (bright).",
    now: place,
    choose,
  });
  const chart = scoreChart((x, y) => {
    const token = clamp(Math.floor(x * count), 0, count - 1);
    const [low, high] = limits(learned());
    frame.set({ token });
    edit([[token, clamp(low + y * (high - low), low, high)]]);
  });
  const strip = make("canvas", { class: "w-strip", "aria-hidden": "true" });
  const bars = barList(names);
  const caption = (text) => make("figcaption", {}, text);
  frame.body.append(
    make("style", {}, STYLE),
    make(
      "div",
      { class: "w-row" },
      pair.root,
      make(
        "div",
        {},
        make(
          "figure",
          {},
          chart.root,
          caption("Score of each token, row by row: drag it. Ticks: learned."),
        ),
        make(
          "figure",
          {},
          strip,
          caption("The pooled vector: red above 0, blue below."),
        ),
        make(
          "figure",
          {},
          bars.root,
          caption("Class probabilities. Mark: with the learned scores."),
        ),
      ),
    ),
  );

  const pictures = frame.get("pictures");
  const loaded = [];
  const draw = () => {
    const token = hovered ?? frame.get("token");
    const scores = frame.get("scores");
    const now = pool(scores, tokens(), kernel, bias);
    const before = pool(learned(), tokens(), kernel, bias);
    const [low, high] = limits(learned());
    Object.assign(score, { min: low, max: high });
    score.value = scores[frame.get("token")];
    output.textContent = scores[frame.get("token")].toFixed(2);
    const highest = Math.max(...now.weights);
    const values = now.weights.map((weight) => weight / highest);
    pair.draw(loaded[frame.get("image")], { ...place(), framed: token }, values);
    chart.draw(scores, learned(), token);
    const reach = Math.max(...before.pooled.map(Math.abs));
    paint(strip, now.pooled.map((x) => x / reach), 1, now.pooled.length, diverging);
    bars.draw(now.probabilities, before.probabilities, now.probabilities.map(percent));
    frame.say(sentence(token, scores, now, before));
  };
  const sentence = (token, scores, now, before) => {
    const best = now.probabilities.indexOf(Math.max(...now.probabilities));
    return (
      `Token in ${tokenName(token, columns)}: score ${scores[token].toFixed(2)}, ` +
      `weight ${percent(now.weights[token])}. The weights are spread as over ` +
      `${now.equal.toFixed(1)} equal tokens of ${count}. Most likely: ` +
      `${names[best]}, ${percent(now.probabilities[best])} ` +
      `(${percent(before.probabilities[best])} with the learned scores).`
    );
  };
  frame.watch("image", () => frame.set({ scores: PRESETS.Learned(learned()) }));
  const close = frame.start(["image", "token", "scores"], draw);
  loaded.push(...(await Promise.all(pictures.map(loadPicture))));
  draw();
  return close;
}

export default { render };
