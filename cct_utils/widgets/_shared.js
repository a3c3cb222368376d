// What every explorer shares. Python puts this text in front of each of them.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** Make an element; "svg:path" makes an SVG one, functions are listeners. */
function make(tag, attributes = {}, ...children) {
  const svg = tag.startsWith("svg:");
  const node = svg
    ? document.createElementNS(SVG_NAMESPACE, tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

let lastId = 0;
const freshId = () => `cct-${Date.now().toString(36)}-${++lastId}`;
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const sum = (values) => values.reduce((total, value) => total + value, 0);
const range = (n) => Array.from({ length: n }, (_, i) => i);
const count = (n) => Math.round(n).toLocaleString("en-US");

/** 283723 as "284 k", with a space that does not break. */
function short(n) {
  const steps = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const [size, letter] = steps.find(([size]) => n >= size) ?? [1, ""];
  const number = Number((n / size).toPrecision(3));
  return letter ? `${number}\u00a0${letter}` : String(number);
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  };
}

function softmax(scores) {
  const highest = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - highest));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

/** Decode little-endian 16-bit floats. */
function halfFloats(view) {
  return Float32Array.from({ length: view.byteLength / 2 }, (_, i) => {
    const bits = view.getUint16(2 * i, true);
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent
      ? 2 ** (exponent - 15) * (1 + fraction / 1024)
      : 2 ** -24 * fraction;
    return bits >> 15 ? -size : size;
  });
}

const bytes = (view) =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

// Viridis, as in the book's figures: equal steps in lightness.
const SEQUENTIAL = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37],
];

/** The color of a value in [0, 1]. */
function sequential(value) {
  const place = clamp(value, 0, 1) * (SEQUENTIAL.length - 1);
  const low = Math.min(Math.floor(place), SEQUENTIAL.length - 2);
  return SEQUENTIAL[low].map((a, i) =>
    Math.round(a + (SEQUENTIAL[low + 1][i] - a) * (place - low)),
  );
}

/** The color of a value in [-1, 1]: blue, white, red. */
function diverging(value) {
  const end = value < 0 ? [33, 102, 172] : [178, 24, 43];
  const part = Math.min(1, Math.abs(value));
  return end.map((channel) => Math.round(255 + (channel - 255) * part));
}

/** Paint one cell per value; color(value) gives red, green, blue[, alpha]. */
function paint(canvas, values, rows, columns, color) {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const [red, green, blue, alpha = 255] = color(values[i]);
    picture.data.set([red, green, blue, alpha], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

/** A strip that shows a color scale between two captions. */
function colorScale(color, low, high) {
  const canvas = make("canvas", { class: "w-scale", "aria-hidden": "true" });
  const values = range(64).map((i) => low + ((high - low) * i) / 63);
  paint(canvas, values, 1, 64, color);
  const ends = make("div", { class: "w-ends" });
  const label = (left, right) =>
    ends.replaceChildren(make("span", {}, left), make("span", {}, right));
  return { root: make("div", {}, canvas, ends), label };
}

/** Keep the most lines a text has had at this width: what is below stays put. */
function keepHeight(text) {
  const width = text.clientWidth;
  if (text.keptAt !== width) text.style.minHeight = "";
  text.keptAt = width;
  const height = `${Math.ceil(text.getBoundingClientRect().height)}px`;
  if (text.style.minHeight !== height) text.style.minHeight = height;
}

/** The frame of an explorer: its title, its controls and what it says. */
class Frame {
  constructor(model, host, title) {
    this.model = model;
    this.watched = [];
    this.drawing = 0;
    const id = freshId();
    this.controls = make("div", { class: "w-controls" });
    this.body = make("div");
    this.words = make("p", { class: "w-words" });
    this.live = make("div", { class: "w-hidden", "aria-live": "polite" });
    this.root = make(
      "div",
      {
        class: "cct-widget cct-explorer",
        role: "group",
        "aria-labelledby": id,
        "data-lm-suppress-shortcuts": "true",
        keydown: (event) => event.stopPropagation(),
      },
      make("p", { class: "w-title", id }, title),
      this.controls,
      this.body,
      this.words,
      this.live,
    );
    host.append(this.root);
  }

  get(name) {
    return this.model.get(name);
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) {
      this.model.set(name, value);
    }
    this.model.save_changes();
  }

  watch(name, action) {
    this.model.on(`change:${name}`, action);
    this.watched.push([name, action]);
  }

  /** Draw now, and again at most once a frame after any of these changed. */
  start(names, draw) {
    const drawSteadily = () => {
      this.drawing = 0;
      draw();
      this.root.querySelectorAll("figcaption, .w-words").forEach(keepHeight);
    };
    this.redraw = () => {
      this.drawing ||= requestAnimationFrame(drawSteadily);
    };
    for (const name of names) this.watch(name, this.redraw);
    drawSteadily();
    return () => {
      cancelAnimationFrame(this.drawing);
      clearTimeout(this.speaking);
      for (const [name, action] of this.watched) {
        this.model.off(`change:${name}`, action);
      }
      this.root.remove();
    };
  }

  /** Show a sentence at once, and read it out when the reader pauses. */
  say(text) {
    if (this.words.textContent === text) return;
    const first = !this.words.textContent;
    this.words.textContent = text;
    clearTimeout(this.speaking);
    if (first) return;
    this.speaking = setTimeout(() => (this.live.textContent = text), 600);
  }

  control(label, input, output) {
    const id = freshId();
    input.id = id;
    const title = make("label", { for: id }, label);
    const head = make("span", {}, title, ...(output ? [output] : []));
    const root = make("div", { class: "w-control" }, head, input);
    this.controls.append(root);
    return root;
  }

  /** A native slider bound to one number of the state. */
  slider(name, { label, min = 0, max, step = 1, format = String }) {
    const output = make("output", { "aria-hidden": "true" });
    const input = make("input", {
      type: "range",
      input: () => this.set({ [name]: Number(input.value) }),
    });
    const show = () => {
      input.value = this.get(name);
      output.textContent = format(this.get(name));
      input.setAttribute("aria-valuetext", output.textContent);
    };
    const bounds = (low, high) => {
      Object.assign(input, { min: low, max: high, step });
      show();
    };
    bounds(min, max);
    this.watch(name, show);
    return { root: this.control(label, input, output), bounds };
  }

  /** A native list bound to one value; options are [value, label] pairs. */
  choice(name, { label, options }) {
    const input = make("select", {
      change: () => this.set({ [name]: options[input.selectedIndex][0] }),
    });
    input.append(...options.map(([, text]) => make("option", {}, text)));
    const show = () => {
      const now = this.get(name);
      input.selectedIndex = options.findIndex(([value]) => value === now);
    };
    show();
    this.watch(name, show);
    return { root: this.control(label, input) };
  }

  check(name, { label }) {
    const input = make("input", {
      type: "checkbox",
      change: () => this.set({ [name]: input.checked }),
    });
    const show = () => (input.checked = this.get(name));
    show();
    this.watch(name, show);
    const root = make("label", { class: "w-check" }, input, label);
    this.controls.append(root);
    return { root };
  }

  /** Buttons in a row of their own, as pairs of a label and an action. */
  buttons(...pairs) {
    const all = pairs.map(([label, click]) =>
      make("button", { type: "button", click }, label),
    );
    this.controls.append(make("div", { class: "w-buttons" }, ...all));
  }
}

/** A picture, PNG as data, drawn at `width` x `height` of its own pixels. */
function drawPicture(canvas, image, width, height) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return context;
}

async function loadPicture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/**
 * A picture on which one of rows x columns tokens is chosen: by pointer, or
 * by the arrow keys, Home and End. `now()` gives {rows, columns, token};
 * `choose(token, final)` hears of a token hovered (final is false, null at
 * the end) or chosen. `locate(x, y)`, in fractions of the pad, finds a token.
 * A mirror follows the pointer only, beside a pad that has the keyboard.
 */
function tokenPad({ label, now, choose, locate, layers, mirror = false }) {
  const find =
    locate ??
    ((x, y) => {
      const { rows, columns } = now();
      const row = clamp(Math.floor(y * rows), 0, rows - 1);
      return row * columns + clamp(Math.floor(x * columns), 0, columns - 1);
    });
  const at = (event) => {
    const box = pad.getBoundingClientRect();
    return find(
      (event.clientX - box.left) / box.width,
      (event.clientY - box.top) / box.height,
    );
  };
  const key = (event) => {
    const { rows, columns, token } = now();
    const row = Math.floor(token / columns);
    const column = token % columns;
    const moves = {
      ArrowLeft: [row, Math.max(0, column - 1)],
      ArrowRight: [row, Math.min(columns - 1, column + 1)],
      ArrowUp: [Math.max(0, row - 1), column],
      ArrowDown: [Math.min(rows - 1, row + 1), column],
      Home: [0, 0],
      End: [rows - 1, columns - 1],
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    choose(moves[event.key][0] * columns + moves[event.key][1], true);
  };
  const forKeys = {
    role: "slider",
    tabindex: "0",
    "aria-label": label,
    "aria-valuemin": "0",
    keydown: key,
  };
  const pad = make(
    "div",
    {
      class: "w-pad w-cross",
      ...(mirror ? {} : forKeys),
      click: (event) => choose(at(event), true),
      pointermove: (event) => choose(at(event), false),
      pointerleave: () => choose(null, false),
    },
    ...layers,
  );
  const show = () => {
    if (mirror) return;
    const { rows, columns, token } = now();
    pad.setAttribute("aria-valuemax", rows * columns - 1);
    pad.setAttribute("aria-valuenow", token);
    pad.setAttribute("aria-valuetext", tokenName(token, columns));
  };
  return { root: pad, show };
}

/** A token's place in words; rows and columns count from 0, as in the text. */
const tokenName = (token, columns) =>
  `row ${Math.floor(token / columns)}, column ${token % columns}`;

/** An SVG layer with a black and white outline, visible on any picture. */
function outlineLayer() {
  const halo = make("svg:path", { class: "w-mark w-halo" });
  const line = make("svg:path", { class: "w-mark w-choice" });
  const root = make(
    "svg:svg",
    { preserveAspectRatio: "none", "aria-hidden": "true" },
    halo,
    line,
  );
  const draw = (path, viewBox) => {
    root.setAttribute("viewBox", viewBox);
    for (const node of [halo, line]) node.setAttribute("d", path);
  };
  return { root, draw };
}

/** The outline of one cell of a grid, for `outlineLayer`. */
const cellPath = (token, columns) =>
  `M${token % columns} ${Math.floor(token / columns)}h1v1h-1z`;

/**
 * A picture that is dark where values are low, and beside it the values as a
 * map, both with the chosen token framed. Values are scaled to [0, 1].
 */
function heatPair({ label, picture, map, now, choose, color = sequential }) {
  const side = (text, mirror) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const veil = make("canvas", { "aria-hidden": "true" });
    const frame = outlineLayer();
    const layers = [canvas, veil, frame.root];
    const pad = tokenPad({ label, now, choose, layers, mirror });
    const caption = make("figcaption", {}, text);
    return { canvas, veil, frame, pad, root: make("figure", {}, pad.root, caption) };
  };
  const [left, right] = [side(picture, false), side(map, true)];
  let drawn;
  const draw = (image, { rows, columns, token, framed = token }, values) => {
    const shape = image ? [image.naturalWidth, image.naturalHeight] : [columns, rows];
    for (const { pad, frame } of [left, right]) {
      pad.root.style.aspectRatio = `${shape[0]} / ${shape[1]}`;
      pad.show();
      frame.draw(cellPath(framed, columns), `0 0 ${columns} ${rows}`);
    }
    if (image && image !== drawn) drawPicture(left.canvas, image, ...shape);
    drawn = image;
    const shade = (value) => [0, 0, 0, Math.round(185 * (1 - clamp(value, 0, 1)))];
    paint(left.veil, values, rows, columns, shade);
    paint(right.canvas, values, rows, columns, color);
  };
  return { root: make("div", { class: "w-two" }, left.root, right.root), draw };
}

/** Horizontal bars with a mark each, for probabilities or other parts of 1. */
function barList(names) {
  const rows = names.map((name) => {
    const fill = make("i");
    const tick = make("b");
    const bar = make("div", { class: "w-bar", "aria-hidden": "true" }, fill, tick);
    return { fill, tick, value: make("span"), bar, name: make("span", {}, name) };
  });
  const root = make(
    "div",
    { class: "w-bars" },
    ...rows.flatMap(({ name, bar, value }) => [name, bar, value]),
  );
  const draw = (values, marks, texts) =>
    rows.forEach(({ fill, tick, value }, i) => {
      fill.style.width = `${100 * values[i]}%`;
      tick.hidden = !marks;
      if (marks) tick.style.left = `calc(${100 * marks[i]}% - 1px)`;
      value.textContent = texts[i];
    });
  return { root, draw };
}
