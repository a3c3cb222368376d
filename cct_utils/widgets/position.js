// How alike the embeddings of two positions are: the cosine of their angle.

/** The rows of a table as unit vectors; centered ones lose their mean first. */
export function unitRows(table, width, centered) {
  const rows = range(table.length / width).map((t) =>
    Array.from(table.slice(t * width, (t + 1) * width)),
  );
  const mean = range(width).map((i) =>
    centered ? sum(rows.map((row) => row[i])) / rows.length : 0,
  );
  return rows.map((row) => {
    const moved = row.map((value, i) => value - mean[i]);
    const length = Math.sqrt(sum(moved.map((value) => value * value)));
    return moved.map((value) => (length > 0 ? value / length : 0));
  });
}

/** The cosine of each row with each other. */
export function cosines(table, width, centered) {
  const rows = unitRows(table, width, centered);
  const dot = (a, b) => {
    let total = 0;
    for (let i = 0; i < width; i++) total += a[i] * b[i];
    return total;
  };
  return rows.map((a) => rows.map((b) => dot(a, b)));
}

/** The mean over the neighbors of a position, and over all other positions. */
export function nearAndFar(similarity, token, columns) {
  const others = range(similarity.length).filter((t) => t !== token);
  const steps = (t) =>
    Math.abs(Math.floor(t / columns) - Math.floor(token / columns)) +
    Math.abs((t % columns) - (token % columns));
  const mean = (chosen) =>
    chosen.length ? sum(chosen.map((t) => similarity[t])) / chosen.length : 0;
  return { near: mean(others.filter((t) => steps(t) === 1)), all: mean(others) };
}

const STYLE = `
.cct-explorer .w-vector { height: 1.5rem; image-rendering: pixelated; width: 100%; }`;

function render({ model, el }) {
  const frame = new Frame(model, el, "Position embedding: who resembles whom");
  const [rows, columns] = frame.get("grid");
  const total = rows * columns;
  const names = frame.get("names");
  const widths = frame.get("widths");
  const values = halfFloats(frame.get("tables"));
  const starts = widths.map((_, i) => total * sum(widths.slice(0, i)));
  const tables = widths.map((width, i) =>
    values.subarray(starts[i], starts[i] + total * width),
  );
  if (names.length > 1) {
    frame.choice("table", { label: "Embedding", options: names.map((n, i) => [i, n]) });
  }
  frame.check("centered", { label: "Subtract the mean of all positions" });

  let hovered = null;
  const now = () => ({ rows, columns, token: frame.get("token") });
  const choose = (token, final) => {
    hovered = final ? null : token;
    if (final) frame.set({ token });
    frame.redraw();
  };
  const map = make("canvas", { "aria-hidden": "true" });
  const box = outlineLayer();
  const pad = tokenPad({ label: "Position", now, choose, layers: [map, box.root] });
  pad.root.style.aspectRatio = `${columns} / ${rows}`;
  const matrix = make("canvas", { "aria-hidden": "true" });
  const band = outlineLayer();
  const square = make("div", { class: "w-pad" }, matrix, band.root);
  square.style.aspectRatio = "1";
  const scale = colorScale(diverging, -1, 1);
  scale.label("−1, opposite", "1, the same");
  const vector = make("canvas", { class: "w-vector", "aria-hidden": "true" });
  const caption = (text) => make("figcaption", {}, text);
  frame.body.append(
    make("style", {}, STYLE),
    make(
      "div",
      { class: "w-two" },
      make(
        "figure",
        {},
        pad.root,
        caption("Cosine of the chosen position with each other, on the grid."),
      ),
      make(
        "figure",
        {},
        square,
        caption("All pairs of positions; the middle of the frame is the map on the left."),
      ),
    ),
    scale.root,
    make(
      "figure",
      {},
      vector,
      caption("The embedding of the chosen position: red above 0, blue below."),
    ),
  );

  let known = "";
  let similarity;
  const draw = () => {
    const index = frame.get("table");
    const width = widths[index];
    const token = hovered ?? frame.get("token");
    const wanted = `${index} ${frame.get("centered")}`;
    if (wanted !== known) {
      similarity = cosines(tables[index], width, frame.get("centered"));
      paint(matrix, similarity.flat(), total, total, diverging);
      known = wanted;
    }
    paint(map, similarity[token], rows, columns, diverging);
    pad.show();
    box.draw(cellPath(token, columns), `0 0 ${columns} ${rows}`);
    band.draw(`M0 ${token - 1}h${total}v3h${-total}z`, `0 0 ${total} ${total}`);
    const row = tables[index].subarray(token * width, (token + 1) * width);
    const reach = Math.max(...tables[index].map(Math.abs)) || 1;
    paint(vector, Array.from(row, (x) => x / reach), 1, width, diverging);
    const { near, all } = nearAndFar(similarity[token], token, columns);
    frame.say(
      `${names[index]}, position in ${tokenName(token, columns)}: mean cosine ` +
        `${near.toFixed(2)} with its direct neighbors, ${all.toFixed(2)} with ` +
        `all other positions.`,
    );
  };
  return frame.start(["table", "centered", "token"], draw);
}

export default { render };
