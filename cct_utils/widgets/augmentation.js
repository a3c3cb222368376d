// Pad-crop, flip, MixUp and CutMix on the pixels of real images.
// Pixels are flat arrays of height x width x 4 bytes, as a canvas gives them.

/** Surround with zeros, cut out again at (row, column), mirror if asked. */
export function cropFlip(pixels, height, width, { padding, row, column, flip }) {
  const result = new Uint8ClampedArray(4 * height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = [y + row - padding, (flip ? width - 1 - x : x) + column - padding];
      const inside = from[0] >= 0 && from[0] < height && from[1] >= 0 && from[1] < width;
      const start = 4 * (from[0] * width + from[1]);
      const color = inside ? pixels.slice(start, start + 4) : [0, 0, 0, 255];
      result.set(color, 4 * (y * width + x));
    }
  }
  return result;
}

/** Every pixel a mean of two, the first with this weight. */
export function mixUp(first, second, weight) {
  return Uint8ClampedArray.from(first, (value, i) =>
    Math.round(weight * value + (1 - weight) * second[i]),
  );
}

/** The box that CutMix takes from the second image, and the first's share. */
export function cutBox(height, width, { weight, box_row, box_column }) {
  const part = Math.sqrt(1 - weight);
  const [tall, wide] = [height, width].map((size) => Math.round(part * size));
  const top = Math.round(box_row * (height - tall));
  const left = Math.round(box_column * (width - wide));
  return { top, left, tall, wide, share: 1 - (tall * wide) / (height * width) };
}

export function cutMix(first, second, height, width, settings) {
  const { top, left, tall, wide } = cutBox(height, width, settings);
  const result = Uint8ClampedArray.from(first);
  for (let y = top; y < top + tall; y++) {
    const [start, end] = [left, left + wide].map((x) => 4 * (y * width + x));
    result.set(second.slice(start, end), start);
  }
  return result;
}

const RECIPES = [["crop", "pad, crop and flip"], ["mixup", "MixUp"], ["cutmix", "CutMix"]];
const percent = (part) => `${(100 * part).toFixed(0)} %`;

function panel(text) {
  const canvas = make("canvas", { class: "w-pixels", role: "img", "aria-label": text });
  const box = outlineLayer();
  const caption = make("figcaption", {}, text);
  const pad = make("div", { class: "w-pad" }, canvas, box.root);
  const root = make("figure", {}, pad, caption);
  /** Pixels with a black margin, and a frame [left, top, width, height]. */
  const draw = (pixels, height, width, margin = 0, frame = null) => {
    const [tall, wide] = [height + 2 * margin, width + 2 * margin];
    pad.style.aspectRatio = `${wide} / ${tall}`;
    canvas.width = wide;
    canvas.height = tall;
    const context = canvas.getContext("2d");
    context.fillRect(0, 0, wide, tall);
    context.putImageData(new ImageData(pixels, width, height), margin, margin);
    const path = frame ? `M${frame[0]} ${frame[1]}h${frame[2]}v${frame[3]}h${-frame[2]}z` : "";
    box.draw(path, `0 0 ${wide} ${tall}`);
  };
  return { root, draw, caption };
}

const NAMES = [
  "recipe", "padding", "row", "column", "flip", "weight", "box_row", "box_column",
];
const STYLE = `
.cct-explorer .w-three { align-items: start; display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); }`;

async function render({ model, el }) {
  const frame = new Frame(model, el, "Augmentation: one image, many examples");
  const labels = frame.get("labels");
  frame.choice("recipe", { label: "Recipe", options: RECIPES });
  const decimals = { max: 1, step: 0.05, format: (value) => value.toFixed(2) };
  const part = { max: 1, step: 0.05, format: percent };
  const most = frame.get("most_padding");
  const crop = {
    padding: frame.slider("padding", { label: "Padding", max: most }),
    row: frame.slider("row", { label: "Crop from row", max: 1 }),
    column: frame.slider("column", { label: "Crop from column", max: 1 }),
    flip: frame.check("flip", { label: "Flip" }),
  };
  const weight = frame.slider("weight", { label: `Weight of ${labels[0]}`, ...decimals });
  const box = [
    frame.slider("box_row", { label: "Box from top", ...part }),
    frame.slider("box_column", { label: "Box from left", ...part }),
  ];
  const panels = ["The first image", "The second image", "What the model sees"].map(panel);
  frame.body.append(
    make("style", {}, STYLE),
    make("div", { class: "w-three" }, ...panels.map((p) => p.root)),
  );

  const images = await Promise.all(frame.get("pictures").map(loadPicture));
  const [width, height] = [images[0].naturalWidth, images[0].naturalHeight];
  const [first, second] = images.map((image) =>
    drawPicture(make("canvas"), image, width, height).getImageData(0, 0, width, height).data,
  );

  const draw = () => {
    const state = Object.fromEntries(NAMES.map((name) => [name, frame.get(name)]));
    const { recipe, padding } = state;
    const range = 2 * padding;
    state.row = Math.min(state.row, range);
    state.column = Math.min(state.column, range);
    crop.row.bounds(0, range);
    crop.column.bounds(0, range);
    for (const { root } of Object.values(crop)) root.hidden = recipe !== "crop";
    weight.root.hidden = recipe === "crop";
    for (const { root } of box) root.hidden = recipe !== "cutmix";
    panels[1].root.hidden = recipe === "crop";
    const show = { crop: showCrop, mixup: showMixUp, cutmix: showCutMix }[recipe];
    frame.say(show(state));
  };

  const showCrop = (state) => {
    const { padding, row, column, flip } = state;
    panels[0].caption.textContent = `${labels[0]}, padded; the frame is cut out`;
    panels[0].draw(first, height, width, padding, [column, row, width, height]);
    panels[2].draw(cropFlip(first, height, width, state), height, width);
    const total = 2 * (2 * padding + 1) ** 2;
    const move = (n, words) => (n ? `${Math.abs(n)} ${words[+(n > 0)]}` : "");
    const moves = [
      move(padding - row, ["up", "down"]),
      move((flip ? -1 : 1) * (padding - column), ["left", "right"]),
    ].filter(Boolean);
    return (
      `The picture moves by ${moves.join(" and ") || "nothing"}` +
      `${flip ? " and is mirrored" : ""}: one of ${count(total)} examples. ` +
      (padding ? `The label stays ${labels[0]}.` : "Without padding a crop of equal size does nothing.")
    );
  };
  const originals = (margin) => {
    panels[0].caption.textContent = labels[0];
    panels[1].caption.textContent = labels[1];
    panels[0].draw(first, height, width, 0, margin);
    panels[1].draw(second, height, width, 0, margin);
  };
  const label = (share) =>
    `The label is ${percent(share)} ${labels[0]} and ${percent(1 - share)} ${labels[1]}.`;
  const showMixUp = (state) => {
    originals(null);
    panels[2].draw(mixUp(first, second, state.weight), height, width);
    return `Every pixel is a mean of both images. ${label(state.weight)}`;
  };
  const showCutMix = (state) => {
    const { top, left, tall, wide, share } = cutBox(height, width, state);
    originals([left, top, wide, tall]);
    panels[2].draw(cutMix(first, second, height, width, state), height, width);
    return `A box of ${tall} × ${wide} pixels comes from the second image. ${label(share)}`;
  };
  return frame.start(NAMES, draw);
}

export default { render };
