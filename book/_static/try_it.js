// The page "Try it": a picture becomes 32 x 32 pixels, ONNX Runtime computes the
// model's graph, and the answer is drawn. The runtime and the graph are loaded
// with the first picture, by script tags, so that no server is needed.
(() => {
  "use strict";

  const SIZE = 32; // pixels a side, as the model was trained
  const MOST_BYTES = 64e6;
  const MOST_PIXELS = 100e6;
  const UNSURE = 0.6; // highest probability below which the answer says so
  const READABLE = "Choose a JPEG, PNG, WebP, GIF or SVG file.";
  const VENDOR = "vendor/onnxruntime-web/";
  const WASM = "ort-wasm-simd.wasm";
  const here = new URL(".", document.currentScript.src).href;
  const root = document.querySelector(".try-it");
  const find = (name) => root.querySelector(`.try-${name}`);
  const facts = JSON.parse(find("facts").textContent);

  // What is said to the reader as it stands.
  class Refusal extends Error {}

  // --- The model --------------------------------------------------------

  let starting; // promise of the session, once the first picture is chosen

  function session() {
    starting ??= start().catch((error) => {
      starting = undefined;
      throw new Refusal(
        `The model could not be started (${error.message}). Reload the page ` +
          "and try again; if it stays so, try a newer browser.",
      );
    });
    return starting;
  }

  async function start() {
    if (!globalThis.WebAssembly || !globalThis.DecompressionStream) {
      throw new Error("this browser has no WebAssembly, or is older than 2023");
    }
    say(`Loading the model, about ${root.dataset.megabytes} MB, once …`);
    await Promise.all([
      addScript(`${VENDOR}ort.wasm.min.js`),
      addScript(`${VENDOR}${WASM}.gz.js`),
      addScript("try_it_model.gz.js"),
    ]);
    const [wasm, graph] = await Promise.all([unpack(WASM), unpack("try_it.onnx")]);
    const binary = new Blob([wasm], { type: "application/wasm" });
    ort.env.logLevel = "error";
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = { [WASM]: URL.createObjectURL(binary) };
    const made = await ort.InferenceSession.create(new Uint8Array(graph), {
      executionProviders: ["wasm"],
    });
    await run(made, new Uint8Array(SIZE * SIZE * 3)); // the first run is slower
    return made;
  }

  function addScript(path) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = here + path;
      script.onload = resolve;
      script.onerror = () => {
        script.remove();
        reject(new Error(`${path} did not arrive`));
      };
      document.head.append(script);
    });
  }

  // The scripts ending in .gz.js put their files, gzip in base64, here.
  function unpack(name) {
    const text = atob(packedFiles[name]);
    delete packedFiles[name];
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const gunzip = new DecompressionStream("gzip");
    const stream = new Blob([bytes]).stream().pipeThrough(gunzip);
    return new Response(stream).arrayBuffer();
  }

  // Pixels: SIZE x SIZE x 3 numbers from 0 to 255, by rows, red first.
  async function run(model, pixels) {
    const shape = [1, SIZE, SIZE, 3];
    const input = new ort.Tensor("float32", Float32Array.from(pixels), shape);
    const begin = performance.now();
    const outputs = await model.run({ pixels: input });
    return { outputs, milliseconds: performance.now() - begin };
  }

  async function classify(pixels) {
    const { outputs, milliseconds } = await run(await session(), pixels);
    const logits = [...outputs.logits.data];
    const pooling = [...outputs.pooling.data];
    return {
      logits,
      probabilities: softmax(logits),
      pooling,
      rollout: rollout(outputs, pooling),
      milliseconds,
    };
  }

  function softmax(logits) {
    const most = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }

  // From the pooled vector back to the tokens: through each block, last first,
  // half by the mean of its heads and half by the stream around it.
  function rollout(outputs, pooling) {
    const maps = Object.keys(outputs).filter((name) => name.endsWith("attention"));
    let weights = pooling;
    for (const name of maps.sort().reverse()) {
      const [, heads, tokens] = outputs[name].dims;
      const map = outputs[name].data;
      const next = weights.map((weight) => 0.5 * weight);
      for (let head = 0; head < heads; head++) {
        for (let row = 0; row < tokens; row++) {
          const share = (0.5 * weights[row]) / heads;
          const begin = (head * tokens + row) * tokens;
          for (let column = 0; column < tokens; column++) {
            next[column] += share * map[begin + column];
          }
        }
      }
      weights = next;
    }
    return weights;
  }

  // --- From a picture to pixels --------------------------------------------

  // A decoded picture of a file, which the caller gives back by `done`.
  async function readFile(file) {
    const name = file.name ? `“${file.name}”` : "What you gave";
    if (file.size === 0) {
      throw new Refusal(`${name} is empty: it holds not a single byte.`);
    }
    if (file.size > MOST_BYTES) {
      throw new Refusal(
        `${name} has ${Math.round(file.size / 1e6)} MB. Pictures of up to ` +
          `${MOST_BYTES / 1e6} MB are read here: save a smaller copy.`,
      );
    }
    const address = URL.createObjectURL(file);
    const image = new Image();
    const done = () => URL.revokeObjectURL(address);
    try {
      await new Promise((resolve, reject) => {
        image.onload = resolve;
        image.onerror = reject;
        image.src = address;
      });
      const { naturalWidth: width, naturalHeight: height } = image;
      if (width * height > MOST_PIXELS) {
        throw new Refusal(
          `${name} has ${width.toLocaleString("en")} × ` +
            `${height.toLocaleString("en")} pixels. Up to ` +
            `${MOST_PIXELS / 1e6} million are read here: save a smaller copy.`,
        );
      }
      if (width * height === 0) throw new Refusal(`${name} has no size.`);
      await image.decode();
    } catch (error) {
      done();
      if (error instanceof Refusal) throw error;
      throw new Refusal(
        `${name} is not a picture that this browser can read, or it is ` +
          `damaged. ${READABLE}`,
      );
    }
    return { image, width: image.naturalWidth, height: image.naturalHeight, done };
  }

  // The middle square, each pixel the mean over the area that it covers; a
  // canvas alone would skip pixels. Read in strips, to spare memory.
  function shrink({ image, width, height }) {
    const side = Math.min(width, height);
    const left = Math.floor((width - side) / 2);
    const top = Math.floor((height - side) / 2);
    const scale = side / SIZE;
    const canvas = document.createElement("canvas");
    canvas.width = side;
    canvas.height = Math.min(side, Math.ceil(scale) + 1);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const pixels = new Uint8ClampedArray(SIZE * SIZE * 3);
    for (let row = 0; row < SIZE; row++) {
      const from = row * scale;
      const first = Math.floor(from);
      const rows = Math.ceil(from + scale) - first;
      context.fillStyle = "#fff"; // under what is transparent
      context.fillRect(0, 0, side, rows);
      context.drawImage(image, left, top + first, side, rows, 0, 0, side, rows);
      const strip = context.getImageData(0, 0, side, rows).data;
      pixels.set(means(strip, side, rows, from - first, scale), row * SIZE * 3);
    }
    return pixels;
  }

  // One row of pixels: means over boxes of `scale` a side, of which the first
  // begins `start` below the strip's upper edge.
  function means(strip, side, rows, start, scale) {
    const sums = new Float64Array(SIZE * 3);
    for (let y = 0; y < rows; y++) {
      const tall = Math.min(y + 1, start + scale) - Math.max(y, start);
      for (let column = 0; column < SIZE; column++) {
        const begin = column * scale;
        const end = begin + scale;
        for (let x = Math.floor(begin); x < end; x++) {
          const wide = Math.min(x + 1, end) - Math.max(x, begin);
          const place = (y * side + x) * 4;
          const area = tall * wide;
          sums[column * 3] += area * strip[place];
          sums[column * 3 + 1] += area * strip[place + 1];
          sums[column * 3 + 2] += area * strip[place + 2];
        }
      }
    }
    return sums.map((sum) => sum / (scale * scale));
  }

  // --- The answer -----------------------------------------------------------

  let latest = 0; // only the picture chosen last is shown

  // `get` gives an opened picture; `about` is what we know of a sample.
  async function answer(get, about = {}) {
    const turn = ++latest;
    root.setAttribute("aria-busy", "true");
    for (const button of root.querySelectorAll(".try-sample")) {
      button.setAttribute("aria-pressed", String(button === about.button));
    }
    try {
      const picture = await get();
      let pixels;
      try {
        pixels = shrink(picture);
      } catch (error) {
        throw new Refusal(
          `This picture cannot be read out (${error.message}). ${READABLE}`,
        );
      } finally {
        picture.done?.();
      }
      const found = await classify(pixels);
      if (turn === latest) show(picture, pixels, found, about);
    } catch (error) {
      if (turn === latest) refuse(error);
    } finally {
      if (turn === latest) root.removeAttribute("aria-busy");
    }
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function say(text) {
    find("status").replaceChildren(element("p", "try-note", text));
  }

  function refuse(error) {
    showResult(false);
    const text =
      error instanceof Refusal
        ? error.message
        : `That went wrong: ${error.message}. Reload the page and try again.`;
    find("status").replaceChildren(element("p", "try-error", text));
  }

  function showResult(shown) {
    for (const part of ["seen", "bars", "maps"]) find(part).hidden = !shown;
    if (!shown) find("time").textContent = "";
  }

  const percent = (share, digits = 0) =>
    `${(100 * share).toFixed(digits)}\u00a0%`;

  function show(picture, pixels, found, about) {
    const order = found.probabilities
      .map((probability, i) => ({ name: facts.classes[i], probability }))
      .sort((a, b) => b.probability - a.probability);
    const headline = element("p", "try-answer");
    headline.append(
      element("strong", "", order[0].name),
      " ",
      element("span", "", percent(order[0].probability)),
    );
    const [first, second, third] = order;
    const next =
      `Next come ${second.name}, ${percent(second.probability)}, and ` +
      `${third.name}, ${percent(third.probability)}.`;
    find("status").replaceChildren(
      headline,
      element("p", "try-note", `${verdict(about, first.name)} ${next}`),
      element("p", "try-note soft", reliability(about, first.probability)),
    );
    fillBars(order);
    drawSeen(picture, pixels, about);
    drawWeights("rollout", pixels, found.rollout, "Attention rollout");
    drawWeights("pooling", pixels, found.pooling, "Pooling weights");
    find("time").textContent =
      `Computed in ${found.milliseconds.toFixed(1)} ms, here on your device.`;
    showResult(true);
  }

  function verdict({ shows, isClass }, name) {
    if (!shows) return "It must choose one of ten, whatever the picture shows.";
    if (!isClass) {
      return `In truth it is a ${shows}, and there is no class for that.`;
    }
    return name === shows
      ? "Right: so says the label of the test set."
      : `Wrong: the label of the test set is ${shows}.`;
  }

  function reliability({ shows, isClass }, probability) {
    if (shows && !isClass) {
      return "How often it is right on test images says nothing here.";
    }
    const band =
      facts.bands.find(({ high }) => probability < high) ?? facts.bands.at(-1);
    const sure = probability < UNSURE ? "The model is not sure. " : "";
    if (band.right === null) return sure;
    return (
      `${sure}Of the test images whose first choice had ` +
      `${100 * band.low} to ${percent(band.high)}, it got ` +
      `${percent(band.right)} right` +
      (shows ? "." : "; that says nothing of pictures of no class.")
    );
  }

  function fillBars(order) {
    const rows = order.map(({ name, probability }) => {
      const row = element("tr");
      const label = element("th", "", name);
      label.scope = "row";
      const bar = element("td", "try-bar");
      const filled = element("i");
      filled.style.width = `${100 * probability}%`;
      bar.append(filled);
      row.append(label, bar, element("td", "", percent(probability, 1)));
      return row;
    });
    find("bars").tBodies[0].replaceChildren(...rows);
  }

  function drawSeen({ width, height }, pixels, { shows }) {
    const canvas = find("seen").querySelector("canvas");
    canvas.getContext("2d").putImageData(imageData(pixels), 0, 0);
    const what = shows ? ` (${shows})` : "";
    const given =
      width === SIZE && height === SIZE
        ? "the picture as it is"
        : `${width === height ? "" : "the middle square "}of ` +
          `${width.toLocaleString("en")} × ${height.toLocaleString("en")} pixels`;
    const small =
      Math.min(width, height) < SIZE ? " It had to be enlarged." : "";
    canvas.setAttribute("aria-label", `Your picture${what} as the model sees it`);
    const caption = find("seen").querySelector("figcaption");
    caption.replaceChildren(
      element("strong", "", "What the model sees:"),
      ` ${SIZE} × ${SIZE} pixels, ${given}.${small}`,
    );
  }

  function imageData(pixels) {
    const data = new ImageData(SIZE, SIZE);
    for (let i = 0; i < SIZE * SIZE; i++) {
      data.data.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
      data.data[4 * i + 3] = 255;
    }
    return data;
  }

  // The picture under a veil that is the darker the less a token weighs.
  function drawWeights(part, pixels, weights, name) {
    const canvas = find(part);
    const context = canvas.getContext("2d");
    const grid = Math.round(Math.sqrt(weights.length)); // tokens a side
    const step = canvas.width / grid;
    const most = Math.max(...weights);
    context.imageSmoothingEnabled = false;
    const seen = find("seen").querySelector("canvas");
    context.drawImage(seen, 0, 0, canvas.width, canvas.height);
    weights.forEach((weight, i) => {
      context.fillStyle = `rgba(9, 17, 20, ${0.9 * (1 - weight / most)})`;
      context.fillRect((i % grid) * step, Math.floor(i / grid) * step, step, step);
    });
    const place = weights.indexOf(most);
    // Rows and columns count from 0, as in the chapters.
    const text =
      `The largest, ${percent(most, 1)}, in row ${Math.floor(place / grid)}, ` +
      `column ${place % grid}.`;
    canvas.setAttribute("aria-label", `${name} over the picture. ${text}`);
    canvas.parentElement.querySelector("figcaption span").textContent = text;
  }

  // --- Ways to give a picture -------------------------------------------------

  function takeFiles(files) {
    if (files.length) answer(() => readFile(files[0]));
  }

  find("file").addEventListener("change", ({ target }) => {
    takeFiles([...target.files]);
    target.value = ""; // so that the same file can be chosen again
  });

  for (const button of root.querySelectorAll(".try-sample")) {
    button.addEventListener("click", () => {
      const image = button.querySelector("img");
      const { naturalWidth: width, naturalHeight: height } = image;
      const { shows } = button.dataset;
      const isClass = button.dataset.class === "true";
      answer(async () => ({ image, width, height }), { shows, isClass, button });
    });
  }

  // The whole page takes a drop, since a file dropped beside a box would
  // replace the page.
  let depth = 0;
  const dragging = (change) => {
    depth = change === 0 ? 0 : Math.max(0, depth + change);
    find("drop").classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", () => dragging(1));
  document.addEventListener("dragleave", () => dragging(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    dragging(0);
    const files = [...event.dataTransfer.files];
    if (files.length) takeFiles(files);
    else {
      answer(async () => {
        throw new Refusal(
          "That was no file. A picture of another page is not fetched from " +
            "there: save it first, then drop the file.",
        );
      });
    }
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    takeFiles(files);
  });

  // --- The camera -----------------------------------------------------------

  const video = find("camera").querySelector("video");
  const opener = find("camera-open");
  const CAMERA_ERRORS = {
    NotAllowedError:
      "The camera is not allowed here. Allow it in the browser's settings of " +
      "this page, or choose a picture instead.",
    NotFoundError: "No camera was found. Choose a picture instead.",
    NotReadableError:
      "The camera is in use by another program. Close that, or choose a " +
      "picture instead.",
  };

  async function openCamera() {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment" },
      });
      find("camera").hidden = false;
      opener.hidden = true;
      await video.play();
      find("camera-shoot").focus();
    } catch (error) {
      closeCamera();
      refuse(new Refusal(CAMERA_ERRORS[error.name] ?? error.message));
    }
  }

  function closeCamera() {
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    find("camera").hidden = true;
    opener.hidden = false;
  }

  // The frame is kept, so that the picture is that of the moment.
  function shoot() {
    const { videoWidth: width, videoHeight: height } = video;
    const image = element("canvas");
    Object.assign(image, { width, height });
    image.getContext("2d").drawImage(video, 0, 0);
    answer(async () => ({ image, width, height }));
  }

  opener.hidden = !navigator.mediaDevices?.getUserMedia;
  opener.addEventListener("click", openCamera);
  find("camera-shoot").addEventListener("click", shoot);
  find("camera-close").addEventListener("click", () => {
    closeCamera();
    opener.focus();
  });
  addEventListener("pagehide", closeCamera);

  globalThis.tryIt = Object.freeze({ classify }); // for the tests
})();
