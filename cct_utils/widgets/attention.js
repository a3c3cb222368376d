// Where a token looks: attention of a head, the mean of heads, rollout, pooling.
// Maps come as bytes, each row scaled so that its largest weight is 255.

/** One attention matrix, tokens x tokens, whose rows sum to 1. */
export function decode(levels, tokens) {
  return range(tokens).map((row) => {
    const values = Array.from(levels.slice(row * tokens, (row + 1) * tokens));
    const total = sum(values);
    return values.map((value) => value / total);
  });
}

export function meanOfHeads(matrices) {
  return matrices[0].map((row, i) =>
    row.map((_, j) => sum(matrices.map((m) => m[i][j])) / matrices.length),
  );
}

/** The product over blocks of half the mean of heads, half the identity. */
export function rollout(means, residual) {
  const size = means[0].length;
  const identity = range(size).map((i) => range(size).map((j) => +(i === j)));
  return means.reduce((before, mean) => {
    const step = mean.map((row, i) =>
      row.map((value, j) => (1 - residual) * value + residual * +(i === j)),
    );
    return step.map((row) => mix(row, before));
  }, identity);
}

/** weights @ rows. */
export function mix(weights, rows) {
  const total = new Array(rows[0].length).fill(0);
  weights.forEach((weight, i) => {
    for (let j = 0; j < total.length; j++) total[j] += weight * rows[i][j];
  });
  return total;
}

/** Where the most weight lies, over how many tokens, and how far away. */
export function summary(weights, token, columns) {
  const top = weights.indexOf(Math.max(...weights));
  const entropy = -sum(weights.map((w) => (w > 0 ? w * Math.log(w) : 0)));
  const far = (t) =>
    Math.hypot(
      Math.floor(t / columns) - Math.floor(token / columns),
      (t % columns) - (token % columns),
    );
  const distance = sum(weights.map((w, t) => w * far(t)));
  return { top, equal: Math.exp(entropy), distance };
}

const percent = (part) => `${(100 * part).toFixed(1)} %`;

async function render({ model, el }) {
  const frame = new Frame(model, el, "Attention: where a token looks");
  const [rows, columns] = frame.get("grid");
  const tokens = rows * columns;
  const blocks = frame.get("blocks");
  const heads = frame.get("heads");
  const titles = frame.get("titles");
  const levels = bytes(frame.get("maps"));
  const pooling = frame.get("pooling");
  const known = new Map();
  const remember = (key, compute) => {
    if (!known.has(key)) known.set(key, compute());
    return known.get(key);
  };
  const head = (image, block, index) =>
    remember(`head ${image} ${block} ${index}`, () => {
      const start = ((block * titles.length + image) * heads + index) * tokens ** 2;
      return decode(levels.subarray(start, start + tokens ** 2), tokens);
    });
  const mean = (image, block) =>
    remember(`mean ${image} ${block}`, () =>
      meanOfHeads(range(heads).map((index) => head(image, block, index))),
    );
  const rolled = (image, block) =>
    remember(`rollout ${image} ${block}`, () =>
      rollout(range(block + 1).map((b) => mean(image, b)), 0.5),
    );

  const views = [
    ...range(heads).map((i) => [`head ${i + 1}`, `head ${i + 1}`]),
    ["mean", "mean of heads"],
    ["rollout", "rollout up to this block"],
  ];
  if (pooling.length) {
    views.push(["pooling", "pooling weights"]);
    views.push(["all", "pooling of the rollout"]);
  }
  const weightsOf = (view, image, block, token) => {
    if (view === "mean") return mean(image, block)[token];
    if (view === "rollout") return rolled(image, block)[token];
    if (view === "pooling") return pooling[image];
    if (view === "all") return mix(pooling[image], rolled(image, blocks - 1));
    return head(image, block, Number(view.slice(5)) - 1)[token];
  };

  if (titles.length > 1) {
    frame.choice("image", { label: "Picture", options: titles.map((t, i) => [i, t]) });
  }
  const slider = frame.slider("block", {
    label: "Block",
    max: blocks - 1,
    format: (block) => `${block + 1} of ${blocks}`,
  });
  frame.choice("view", { label: "Show", options: views });

  let hovered = null;
  const now = () => ({ rows, columns, token: frame.get("token") });
  const choose = (token, final) => {
    hovered = final ? null : token;
    if (final) frame.set({ token });
    frame.redraw();
  };
  const pair = heatPair({
    label: "Token",
    picture: "The picture, dark where the weight is low; the frame is the token.",
    map: "The weights themselves.",
    now,
    choose,
  });
  const scale = colorScale(sequential, 0, 1);
  frame.body.append(pair.root, scale.root);

  const loaded = [];
  const draw = () => {
    const [image, block, view] = ["image", "block", "view"].map((n) => frame.get(n));
    const token = hovered ?? frame.get("token");
    const last = ["pooling", "all"].includes(view);
    slider.root.style.visibility = last ? "hidden" : "visible";
    const weights = weightsOf(view, image, block, token);
    const highest = Math.max(...weights);
    const values = weights.map((weight) => weight / highest);
    pair.draw(loaded[image], { ...now(), framed: token }, values);
    scale.label("0", percent(highest));
    frame.say(sentence(view, block, token, weights, last));
  };
  const sentence = (view, block, token, weights, last) => {
    const { top, equal, distance } = summary(weights, token, columns);
    const most = `${tokenName(top, columns)} (${percent(weights[top])})`;
    const spread = `The weights are spread as over ${equal.toFixed(1)} equal tokens of ${tokens}`;
    const name = views.find(([value]) => value === view)[1];
    if (last) return `The ${name}: most comes from ${most}. ${spread}.`;
    return (
      `Block ${block + 1}, ${name}: the token in ${tokenName(token, columns)} ` +
      `takes most from ${most}, ${percent(weights[token])} from itself. ${spread}, ` +
      `${distance.toFixed(1)} tokens away on average.`
    );
  };
  const close = frame.start(["image", "block", "view", "token"], draw);
  loaded.push(...(await Promise.all(frame.get("pictures").map(loadPicture))));
  draw();
  return close;
}

export default { render };
