// How large a CCT is, by formula: tokens, parameters, multiply-adds, memory.
// The numbers are those of cct_utils.inspection.

/** Rows, columns and channels after each convolution and each pooling. */
export function stages({ image_size, kernel_size, num_conv_layers, embed_dim }) {
  const stride = Math.max(1, Math.floor(kernel_size / 2) - 1);
  const padding = Math.max(1, Math.floor(kernel_size / 2));
  const fit = (n, k, s, p) => Math.max(0, Math.floor((n + 2 * p - k) / s) + 1);
  let side = image_size;
  let channels = 3;
  return range(num_conv_layers).map((i) => {
    const filters = i + 1 < num_conv_layers ? 64 : embed_dim;
    const weights = kernel_size ** 2 * channels * filters;
    const conv = fit(side, kernel_size, stride, padding);
    side = conv ? fit(conv, 3, 2, 1) : 0;
    channels = filters;
    return { conv, pool: side, channels, weights };
  });
}

const linear = (inputs, outputs, bias = true) =>
  inputs * outputs + (bias ? outputs : 0);

function widths(sizes) {
  const { embed_dim, num_heads, wide_heads, mlp_ratio } = sizes;
  const inner = wide_heads ? num_heads * embed_dim : embed_dim;
  return { d: embed_dim, inner, hidden: mlp_ratio * embed_dim };
}

export function countTokens(sizes) {
  return stages(sizes).at(-1).pool ** 2;
}

export function countParameters(sizes) {
  const { transformer_layers: blocks, num_classes, positional_emb } = sizes;
  const { d, inner, hidden } = widths(sizes);
  return {
    tokenizer: sum(stages(sizes).map((stage) => stage.weights)),
    "position embedding": positional_emb === "learned" ? countTokens(sizes) * d : 0,
    attention: blocks * (linear(d, 3 * inner, sizes.use_qkv_bias) + linear(inner, d)),
    mlp: blocks * (linear(d, hidden) + linear(hidden, d)),
    norms: (2 * blocks + 1) * 2 * d,
    pooling: linear(d, 1),
    logits: linear(d, num_classes),
  };
}

export function countMacs(sizes) {
  const { transformer_layers: blocks, num_classes } = sizes;
  const { d, inner, hidden } = widths(sizes);
  const n = countTokens(sizes);
  return {
    tokenizer: sum(stages(sizes).map((s) => s.conv ** 2 * s.weights)),
    "attention projections": blocks * n * 4 * d * inner,
    "attention products": blocks * 2 * n ** 2 * inner,
    mlp: blocks * n * 2 * d * hidden,
    pooling: 2 * n * d,
    logits: d * num_classes,
  };
}

/** Numbers that the steps put out for one image, each kept for the gradient. */
export function countActivations(sizes) {
  const { image_size, transformer_layers: blocks, num_heads, num_classes } = sizes;
  const { d, inner, hidden } = widths(sizes);
  const n = countTokens(sizes);
  const maps = stages(sizes).map((s) => (s.conv ** 2 + s.pool ** 2) * s.channels);
  const positions = sizes.positional_emb === "none" ? 0 : n * d;
  // Norm, query-key-value, weights, heads, projection, sum; norm, map, GELU,
  // map, sum.
  const block = n * (3 * d + 4 * inner) + num_heads * n ** 2 + n * (3 * d + 2 * hidden);
  return (
    3 * image_size ** 2 + sum(maps) + positions + blocks * block +
    n * d + n + d + num_classes
  );
}

const memory = (amount) => {
  const [size, unit] = amount >= 1e9 ? [1e9, "GB"] : [1e6, "MB"];
  return `${Number((amount / size).toPrecision(3))}\u00a0${unit}`;
};

/** A list of parts with bars for their shares and their counts. */
function partList(parts, title) {
  const names = Object.keys(parts);
  const bars = barList(names);
  const caption = make("figcaption");
  const draw = (counts) => {
    const values = names.map((name) => counts[name]);
    const total = sum(values);
    bars.draw(values.map((value) => value / total), null, values.map(short));
    caption.textContent = `${title}: ${count(total)}`;
  };
  return { root: make("figure", {}, bars.root, caption), draw };
}

function variantTable(variants, pick) {
  const heads = ["model", "tokens", "params", "MACs"];
  const rows = Object.keys(variants).map((name) => {
    const cells = range(3).map(() => make("td"));
    const title = make("th", { scope: "row" }, pick(name));
    return { name, cells, root: make("tr", {}, title, ...cells) };
  });
  const root = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...heads.map((t) => make("th", { scope: "col" }, t)))),
    make("tbody", {}, ...rows.map((row) => row.root)),
  );
  const draw = (sizes, current) => {
    for (const { name, cells, root: row } of rows) {
      const all = { ...sizes, ...variants[name] };
      const total = (counts) => short(sum(Object.values(counts)));
      const n = countTokens(all);
      const texts = n ? [count(n), total(countParameters(all)), total(countMacs(all))] : ["0", "–", "–"];
      texts.forEach((text, i) => (cells[i].textContent = text));
      row.classList.toggle("w-now", name === current);
    }
  };
  return { root, draw };
}

const SIZES = [
  "image_size", "num_classes", "transformer_layers", "num_heads", "mlp_ratio",
  "embed_dim", "kernel_size", "num_conv_layers", "positional_emb", "wide_heads",
  "use_qkv_bias",
];
const STYLE = `
.cct-explorer .w-now > * { background: var(--w-well); }
.cct-explorer .w-now th::after { content: " ◂ now"; }`;

const title = (name) =>
  name === "article"
    ? "article"
    : name.replace(/cct_(\d+)_(\d+)x(\d+)/, "CCT-$1/$2x$3");

function render({ model, el }) {
  const frame = new Frame(model, el, "How large is a CCT?");
  const variants = Object.fromEntries(frame.get("variants"));
  const numbers = (name, values) =>
    [...new Set([...values, frame.get(name)])]
      .sort((a, b) => a - b)
      .map((value) => [value, count(value)]);

  const names = Object.keys(variants);
  const select = make("select", {
    change: () => {
      if (select.selectedIndex) frame.set(variants[names[select.selectedIndex - 1]]);
    },
  });
  select.append(...["your own", ...names.map(title)].map((t) => make("option", {}, t)));
  frame.control("Model", select);
  frame.slider("image_size", { label: "Image side", min: 16, max: 256, step: 8 });
  frame.choice("num_classes", {
    label: "Classes",
    options: numbers("num_classes", [2, 10, 100, 102, 1000]),
  });
  frame.slider("num_conv_layers", { label: "Stages", min: 1, max: 3 });
  frame.slider("kernel_size", { label: "Kernel", min: 1, max: 11, step: 2 });
  frame.slider("transformer_layers", { label: "Blocks", min: 1, max: 24 });
  frame.choice("embed_dim", {
    label: "Width of a token",
    options: numbers("embed_dim", [64, 96, 128, 192, 256, 384, 512, 768]),
  });
  frame.choice("num_heads", {
    label: "Heads",
    options: numbers("num_heads", [1, 2, 3, 4, 6, 8, 12]),
  });
  frame.slider("mlp_ratio", { label: "MLP ratio", min: 1, max: 4 });
  frame.choice("positional_emb", {
    label: "Positions",
    options: ["learned", "sine", "none"].map((kind) => [kind, kind]),
  });
  frame.slider("batch_size", { label: "Batch", min: 8, max: 512, step: 8 });
  frame.check("wide_heads", { label: "Heads as wide as a token" });
  frame.check("use_qkv_bias", { label: "Bias in q, k, v" });

  const read = () => Object.fromEntries(SIZES.map((name) => [name, frame.get(name)]));
  const parameters = partList(countParameters(read()), "Parameters");
  const macs = partList(countMacs(read()), "Multiply-adds for one image");
  const table = variantTable(variants, title);
  frame.body.append(
    make("style", {}, STYLE),
    make("div", { class: "w-pair" }, parameters.root, macs.root),
    make(
      "figure",
      {},
      table.root,
      make("figcaption", {}, "The paper's models, and the keras.io example's, at this image side and " +
          "number of classes."),
    ),
  );

  const draw = () => {
    const sizes = read();
    const own = names.findIndex((name) =>
      Object.entries(variants[name]).every(([key, value]) => sizes[key] === value),
    );
    select.selectedIndex = own + 1;
    table.draw(sizes, names[own]);
    const problem = trouble(sizes);
    for (const { root } of [parameters, macs]) {
      root.style.visibility = problem ? "hidden" : "visible";
    }
    if (problem) return frame.say(problem);
    parameters.draw(countParameters(sizes));
    macs.draw(countMacs(sizes));
    frame.say(sentence(sizes, frame.get("batch_size")));
  };
  return frame.start([...SIZES, "batch_size"], draw);
}

function trouble(sizes) {
  if (!countTokens(sizes)) return "No token is left: the image is too small.";
  if (sizes.wide_heads || sizes.embed_dim % sizes.num_heads === 0) return "";
  return (
    `A width of ${sizes.embed_dim} cannot be divided among ` +
    `${sizes.num_heads} heads: choose other heads or another width.`
  );
}

function sentence(sizes, batch) {
  const total = (counts) => sum(Object.values(counts));
  const weights = total(countParameters(sizes));
  const macs = countMacs(sizes);
  const products = macs["attention products"];
  return (
    `${count(countTokens(sizes))} tokens, ${count(weights)} parameters, ` +
    `${short(total(macs))} multiply-adds (${short(total(macs) - products)} without ` +
    `the attention products). Training a batch of ${batch} keeps about ` +
    `${memory(4 * batch * countActivations(sizes))} of activations; weights, ` +
    `gradients and AdamW's two moments take ${memory(16 * weights)}.`
  );
}

export default { render };
