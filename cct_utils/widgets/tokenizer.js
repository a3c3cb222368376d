// From an image to tokens: the grid, what each token sees, and what it costs.

const POOLING = { kernel: 3, stride: 2, padding: 1 };
const MOST_DOTS = 4096;

/**
 * The sizes after each step. `receptive_field` is in pixels, `jump` the
 * distance of neighbors, `start` the left edge of what the first unit sees.
 */
export function geometry(settings) {
  const { height, width, kernel_size, stride, padding, pooling } = settings;
  const { num_conv_layers, hidden_dim, embed_dim } = settings;
  const convolution = { kernel: kernel_size, stride, padding };
  const image = { name: "image", height, width, channels: 3, receptive_field: 1 };
  const steps = [{ ...image, jump: 1, start: 0, parameters: 0, macs: 0 }];
  for (let i = 1; i <= num_conv_layers; i++) {
    const channels = i < num_conv_layers ? hidden_dim : embed_dim;
    const before = steps.at(-1);
    const conv = slide(before, convolution, `conv ${i}`);
    const weights = kernel_size ** 2 * before.channels * channels;
    const macs = conv.height * conv.width * weights;
    steps.push({ ...conv, channels, parameters: weights, macs });
    if (pooling) steps.push(slide(steps.at(-1), POOLING, `pool ${i}`));
  }
  return steps;
}

function slide(before, { kernel, stride, padding }, name) {
  const fit = (size) =>
    size < 1 ? 0 : Math.max(0, Math.floor((size + 2 * padding - kernel) / stride) + 1);
  return {
    name,
    height: fit(before.height),
    width: fit(before.width),
    channels: before.channels,
    receptive_field: before.receptive_field + (kernel - 1) * before.jump,
    jump: before.jump * stride,
    start: before.start - padding * before.jump,
    parameters: 0,
    macs: 0,
  };
}

/** The same for ViT: patches beside each other, one linear map with bias. */
export function patches({ height, width, patch_size, embed_dim }) {
  const [rows, columns] = [height, width].map((n) => Math.floor(n / patch_size));
  const weights = patch_size ** 2 * 3 * embed_dim;
  return {
    name: `ViT ${patch_size}×${patch_size}`,
    height: rows,
    width: columns,
    channels: embed_dim,
    receptive_field: patch_size,
    parameters: weights + embed_dim,
    macs: rows * columns * weights,
    lost: height * width - rows * columns * patch_size ** 2,
  };
}

/** The token whose center is nearest to a place in fractions of the image. */
export function nearest(tokens, height, width, [y, x]) {
  const index = (place, size, most) => {
    const center = tokens.start + tokens.receptive_field / 2;
    return clamp(Math.round((place * size - center) / tokens.jump), 0, most - 1);
  };
  const row = index(y, height, tokens.height);
  return row * tokens.width + index(x, width, tokens.width);
}

/** The pixels that a token sees: left, top and center, in pixels. */
function sight(tokens, token) {
  const [row, column] = [Math.floor(token / tokens.width), token % tokens.width];
  const [left, top] = [column, row].map((i) => tokens.start + i * tokens.jump);
  const half = tokens.receptive_field / 2;
  return { row, column, left, top, x: left + half, y: top + half };
}

const square = (left, top, side) => `M${left} ${top}h${side}v${side}h${-side}z`;

/** The photo with a margin for the padding, and drawings on top of it. */
function board(...paths) {
  const canvas = make("canvas", { role: "img" });
  const drawing = make(
    "svg:svg",
    { preserveAspectRatio: "none", "aria-hidden": "true", class: "w-clip" },
    ...paths,
  );
  const place = (image, height, width) => {
    const margin = Math.max(height, width) / 8;
    const [tall, wide] = [height, width].map((n) => n + 2 * margin);
    const pad = canvas.parentElement;
    pad.style.aspectRatio = `${wide} / ${tall}`;
    Object.assign(canvas.style, {
      left: `${(100 * margin) / wide}%`,
      top: `${(100 * margin) / tall}%`,
      width: `${(100 * width) / wide}%`,
      height: `${(100 * height) / tall}%`,
    });
    drawing.setAttribute("viewBox", `${-margin} ${-margin} ${wide} ${tall}`);
    if (image && `${canvas.width} ${canvas.height}` !== `${width} ${height}`) {
      drawPicture(canvas, image, width, height);
    }
  };
  return { layers: [canvas, drawing], canvas, place };
}

const mark = (name) => make("svg:path", { class: `w-mark ${name}` });

function tokenBoard(frame, now, choose) {
  const dots = ["#000", "#fff"].map((stroke) =>
    make("svg:path", { class: "w-dot", stroke }),
  );
  const neighbor = [mark("w-halo"), mark("w-neighbor")];
  const seen = [mark("w-halo"), mark("w-choice")];
  const photo = board(...dots, ...neighbor, ...seen);
  photo.canvas.setAttribute("aria-label", "the photo under the grid of tokens");
  const pad = tokenPad({
    label: "Token of CCT",
    now,
    choose,
    locate: (x, y) => frame.locate(x, y),
    layers: photo.layers,
  });
  const caption = make("figcaption");
  const draw = (image, { height, width }, tokens, token) => {
    photo.place(image, height, width);
    pad.show();
    const total = tokens.height * tokens.width;
    const at = sight(tokens, token);
    const dot = (i) => {
      const { x, y } = sight(tokens, i);
      return `M${x} ${y}h0`;
    };
    const all = total <= MOST_DOTS ? range(total).map(dot).join("") : dot(token);
    const size = Math.min(0.3 * tokens.jump, Math.max(height, width) / 80);
    dots.forEach((node, i) => {
      node.setAttribute("d", all);
      node.style.strokeWidth = i ? size : 1.7 * size;
    });
    const field = tokens.receptive_field;
    const box = square(at.left, at.top, field);
    for (const node of seen) node.setAttribute("d", box);
    const step = at.column + 1 < tokens.width ? tokens.jump : -tokens.jump;
    const next = tokens.width > 1 ? square(at.left + step, at.top, field) : "";
    for (const node of neighbor) node.setAttribute("d", next);
    caption.textContent =
      `CCT: a dot is the center of a token` +
      `${total > MOST_DOTS ? ` (${count(total)} tokens, only one drawn)` : ""}; ` +
      "the solid frame is what the chosen token sees, the dashed one its neighbor.";
  };
  return { root: make("figure", {}, pad.root, caption), draw };
}

function patchBoard() {
  const lost = make("svg:path", { class: "w-lost", "fill-rule": "evenodd" });
  const lines = [mark("w-halo w-thin"), mark("w-choice w-thin")];
  const seen = [mark("w-halo"), mark("w-choice")];
  const photo = board(lost, ...lines, ...seen);
  photo.canvas.setAttribute("aria-label", "the photo cut into patches");
  const caption = make("figcaption");
  const draw = (image, { height, width }, grid, { x, y }) => {
    photo.place(image, height, width);
    const side = grid.receptive_field;
    const [wide, tall] = [grid.width * side, grid.height * side];
    lost.setAttribute(
      "d",
      `M0 0h${width}v${height}h${-width}zM0 0h${wide}v${tall}h${-wide}z`,
    );
    const net =
      range(grid.width + 1).map((i) => `M${i * side} 0v${tall}`).join("") +
      range(grid.height + 1).map((i) => `M0 ${i * side}h${wide}`).join("");
    for (const node of lines) node.setAttribute("d", grid.width * grid.height ? net : "");
    const inside = x >= 0 && y >= 0 && x < wide && y < tall;
    const [left, top] = [x, y].map((place) => Math.floor(place / side) * side);
    for (const node of seen) {
      node.setAttribute("d", inside ? square(left, top, side) : "");
    }
    caption.textContent =
      "ViT: the patch at the same place sees nothing beyond its frame" +
      `${grid.lost ? "; the shaded border is thrown away." : "."}`;
  };
  const root = make("figure", {}, make("div", { class: "w-pad" }, ...photo.layers), caption);
  return { root, draw };
}

function stageTable() {
  const body = make("tbody");
  const heads = ["step", "shape", "sees, px", "params", "MACs"];
  const root = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...heads.map((t) => make("th", { scope: "col" }, t)))),
    body,
  );
  const row = (step) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, step.name),
      make("td", {}, `${step.height}×${step.width}×${step.channels}`),
      make("td", {}, String(step.receptive_field)),
      make("td", {}, count(step.parameters)),
      make("td", {}, step.macs ? short(step.macs) : "0"),
    );
  return { root, draw: (steps) => body.replaceChildren(...steps.map(row)) };
}

const STYLE = `
.cct-explorer .w-clip { overflow: hidden; }
.cct-explorer .w-dot { stroke-linecap: round; }
.cct-explorer .w-thin { stroke-width: 1px; opacity: .75; }
.cct-explorer .w-halo.w-thin { stroke-width: 2.5px; opacity: .4; }
.cct-explorer .w-neighbor { stroke: #ffb36b; stroke-dasharray: 5 4; stroke-width: 2px; }
.cct-explorer .w-lost { fill: var(--w-well); opacity: .85; }`;

const NAMES = [
  "side", "kernel_size", "stride", "padding", "pooling", "num_conv_layers",
  "hidden_dim", "embed_dim", "patch_size", "place",
];

async function render({ model, el }) {
  const frame = new Frame(model, el, "From image to tokens");
  const [own_height, own_width] = frame.get("image_shape");
  const longest = Math.max(own_height, own_width);
  const sides = [...new Set([longest, 32, 64, 96, 128, 224])].sort((a, b) => a - b);
  const scaled = (n, side) => Math.max(1, Math.round((n * side) / longest));
  const sizeName = (side) => `${scaled(own_height, side)} × ${scaled(own_width, side)}`;
  frame.choice("side", {
    label: "Image, pixels",
    options: sides.map((side) => [side, sizeName(side)]),
  });
  frame.slider("num_conv_layers", { label: "Stages", min: 1, max: 3 });
  frame.slider("kernel_size", { label: "Kernel", min: 1, max: 11, step: 2 });
  frame.slider("stride", { label: "Stride", min: 1, max: 4 });
  frame.slider("padding", { label: "Padding", max: 5 });
  frame.slider("patch_size", { label: "ViT's patch", min: 2, max: 32 });
  frame.check("pooling", { label: "Max pooling 3/2" });

  let image, state, tokens, hovered = null;
  const read = () => {
    state = Object.fromEntries(NAMES.map((name) => [name, frame.get(name)]));
    state.height = scaled(own_height, state.side);
    state.width = scaled(own_width, state.side);
    const steps = geometry(state);
    tokens = steps.at(-1);
    return steps;
  };
  const chosen = () =>
    nearest(tokens, state.height, state.width, frame.get("place"));
  frame.locate = (x, y) => {
    const margin = Math.max(state.height, state.width) / 8;
    const part = (at, size) => (at * (size + 2 * margin) - margin) / size;
    const place = [part(y, state.height), part(x, state.width)];
    return nearest(tokens, state.height, state.width, place);
  };
  const choose = (token, final) => {
    if (tokens.height * tokens.width === 0) return;
    hovered = final ? null : token;
    if (!final) return frame.redraw();
    const { x, y } = sight(tokens, token);
    const place = [y / state.height, x / state.width];
    frame.set({ place: place.map((part) => Number(part.toFixed(4))) });
  };
  const cct = tokenBoard(
    frame,
    () => ({ rows: tokens.height, columns: tokens.width, token: chosen() }),
    choose,
  );
  const vit = patchBoard();
  const table = stageTable();
  frame.body.append(
    make("style", {}, STYLE),
    make("div", { class: "w-pair" }, cct.root, vit.root),
    table.root,
  );

  const draw = () => {
    const steps = read();
    const grid = patches(state);
    table.draw([...steps, grid]);
    const empty = tokens.height * tokens.width === 0;
    cct.root.style.visibility = empty ? "hidden" : "visible";
    if (empty) return frame.say("No token is left: the image is too small for this.");
    const token = hovered ?? chosen();
    cct.draw(image, state, tokens, token);
    vit.draw(image, state, grid, sight(tokens, token));
    frame.say(sentence(steps, tokens, token, grid));
  };
  const close = frame.start(NAMES, draw);
  image = await loadPicture(frame.get("image"));
  draw();
  return close;
}

function sentence(steps, tokens, token, grid) {
  const { height, width, channels, receptive_field, jump } = tokens;
  const total = (name) => sum(steps.map((step) => step[name]));
  return (
    `${height} × ${width} = ${count(height * width)} tokens of ${channels} numbers, ` +
    `${count(total("parameters"))} weights, ${short(total("macs"))} multiply-adds (MACs). ` +
    `The token in ${tokenName(token, width)} sees ` +
    `${receptive_field} × ${receptive_field} pixels; ` +
    `its neighbors are ${jump} ${jump === 1 ? "pixel" : "pixels"} away. ViT: ` +
    `${grid.height} × ${grid.width} = ${count(grid.height * grid.width)} patches` +
    `${grid.lost ? `, ${count(grid.lost)} pixels thrown away.` : "."}`
  );
}

export default { render };
