// Compare models: intervals computed beforehand, drawn as a forest of model variants for the metric and the images that are chosen.

const OWN_STYLE = `
.dermimit .top { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; align-items: center; }
.dermimit .top select { max-width: 15rem; }
.dermimit .rows label { display: flex; gap: 0.4rem; align-items: center; margin: 0; }
.dermimit .rows svg { width: 1.1rem; height: 1.1rem; flex: none; }
.dermimit .rows :is(td, th:not(:first-child)) { text-align: center !important; }
.dermimit .forest { display: block; width: 100%; height: auto; font-size: 13px; }
.dermimit .forest text { fill: var(--d-ink); stroke: var(--d-ground); stroke-width: 5px; paint-order: stroke; }
.dermimit .forest .grid { stroke: var(--d-line); stroke-width: 1; }
.dermimit .forest .zero { stroke: var(--d-ink); stroke-width: 1.2; stroke-dasharray: 5 4; }
.dermimit .forest .faint { fill: var(--d-quiet); }
.dermimit tr.line th { font-weight: 400; padding-left: 1.2rem !important; }
.dermimit .scroll.tall { max-height: 26rem; overflow: auto; }
`;

/** Outlines around (0, 0), about 1 in radius, under matplotlib's letters. */
const star = Array.from({ length: 10 }, (_, i) => [Math.sin((i * Math.PI) / 5) * (i % 2 ? 0.5 : 1.25), -Math.cos((i * Math.PI) / 5) * (i % 2 ? 0.5 : 1.25)]);
const SHAPES = { s: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]], D: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]], "^": [[0, -1.1], [1.1, 0.9], [-1.1, 0.9]],
  v: [[0, 1.1], [1.1, -0.9], [-1.1, -0.9]], "<": [[-1.1, 0], [0.9, -1.1], [0.9, 1.1]], ">": [[1.1, 0], [-0.9, -1.1], [-0.9, 1.1]], "*": star,
  P: [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]],
  X: [[0, -0.5], [0.6, -1.1], [1.1, -0.6], [0.5, 0], [1.1, 0.6], [0.6, 1.1], [0, 0.5], [-0.6, 1.1], [-1.1, 0.6], [-0.5, 0], [-1.1, -0.6], [-0.6, -1.1]] };

const ink = (colour) => (colour === "#000000" ? "var(--d-ink)" : colour); // black rows stay in sight on a dark page

function marker({ marker: kind, colour }, x, y, radius) {
  const look = { style: `fill: ${ink(colour)}` };
  if (!SHAPES[kind]) return svg("circle", { cx: x, cy: y, r: radius, ...look });
  return svg("polygon", { points: SHAPES[kind].map(([a, b]) => `${x + radius * a},${y + radius * b}`).join(" "), ...look });
}

/** Round numbers between two ends, about `most` of them. */
function ticks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough), out = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) out.push(i * step);
  return { values: out, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

const signed = (value, digits, plus) => `${value < 0 ? "−" : plus && value > 0 ? "+" : ""}${Math.abs(value).toFixed(digits)}`;

async function render({ model, el }) {
  const data = model.get("data"), { rows, metrics, kinds } = data;
  const groups = kinds.flatMap((kind) => kind.groups.map(([name, photographs]) => ({ kind, name, photographs, title: kind === kinds[0] ? kind.label : name })));
  const pairs = new Map(rows.flatMap((_, j) => rows.slice(0, j).map((_, i) => [i, j])).map(([i, j], place) => [`${i},${j}`, place]));
  el.append(h("style", {}, STYLE + OWN_STYLE));

  // Controls.
  const metricSelect = h("select", { name: "metric" }, ...metrics.map((m) => option(m.key, m.label)));
  const groupSelect = h("select", { name: "group" }, ...kinds.map((kind) => kind.groups.length === 1 && kind === kinds[0]
    ? option(kind.key, kind.label)
    : h("optgroup", { label: kind.label }, option(kind.key, `${kind.label}: each group`), ...kind.groups.map(([name], i) => option(`${kind.key}/${i}`, name)))));
  const parts = ["body part", "attributes", "patch tokens"], known = rows.every((row) => row.parts); // not every table names them
  const boxes = rows.map((row) => h("input", { type: "checkbox", name: `row-${row.row}`, checked: true }));
  const labels = rows.map((row, i) => h("label", {}, boxes[i], svg("svg", { viewBox: "-7 -7 14 14", "aria-hidden": "true" }, marker(row, 0, 0, 5)), row.label));
  const every = h("button", { type: "button", name: "all" }, "All variants"), none = h("button", { type: "button", name: "none" }, "None");
  const differenceBox = h("input", { type: "checkbox", name: "difference" });
  const referenceSelect = h("select", { name: "reference" }, ...rows.map((row) => option(row.row, row.label)));
  const figure = h("div", {}), table = h("table", {}), status = h("p", { role: "status", ariaLive: "polite", className: "quiet" });
  const field = (title, ...children) => h("fieldset", {}, h("legend", {}, title), ...children);
  const head = known ? [...parts, "tasks joined by"] : [];
  const variants = h("table", { className: "rows" }, h("thead", {}, h("tr", {}, ...["Model variant", ...head].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...rows.map((row, i) => h("tr", {}, h("th", { scope: "row" }, labels[i]), ...(known ? [...parts.map((part) => h("td", {}, row.parts.includes(part) ? "✓" : "–")), h("td", {}, row.joined)] : [])))));
  const root = h("div", { className: "dermimit" }, ...noticeFor(model),
    h("div", { className: "top" }, h("label", {}, "Metric ", metricSelect), h("label", {}, "Images ", groupSelect),
      h("label", {}, differenceBox, " difference from"), h("label", {}, h("span", { className: "hidden-text" }, "reference "), referenceSelect)),
    figure, status, variants, h("p", {}, every, " ", none),
    h("details", {}, h("summary", {}, "The numbers of the figure"), h("div", { className: "scroll tall", tabIndex: 0, role: "region", ariaLabel: "The numbers of the figure, scrollable" }, table)));
  el.append(root);

  /** [value, low, high] of a row in a group: its score in percent, or its difference from the reference in points; or null. */
  function estimate(place, i) {
    const inPoints = (found) => found?.map((value) => 100 * value) ?? null; // scores in percent, differences in points
    if (!differenceBox.checked) return inPoints(data.scores[metricSelect.value][place][i]);
    const reference = rows.findIndex((row) => row.row === referenceSelect.value);
    if (i === reference) return null;
    const found = data.differences[metricSelect.value][place][pairs.get(i < reference ? `${i},${reference}` : `${reference},${i}`)];
    return inPoints(found && i < reference ? [-found[0], -found[2], -found[1]] : found);
  }

  function lines() {
    const [kind, which] = groupSelect.value.split("/");
    const out = [];
    groups.forEach((group, place) => {
      const number = groups.filter((g) => g.kind === group.kind).indexOf(group);
      if (group.kind.key !== kind || (which !== undefined && Number(which) !== number)) return;
      const shown = rows.map((row, i) => ({ row, i, group, found: boxes[i].checked ? estimate(place, i) : null })).filter((line) => line.found);
      if (shown.length) out.push({ group, shown });
    });
    return out;
  }

  const metricName = () => metrics.find((m) => m.key === metricSelect.value).label;
  const referenceName = () => rows.find((row) => row.row === referenceSelect.value).label;
  const quantity = () => (differenceBox.checked ? `${metricName()}, difference from ${referenceName()} in points` : `${metricName()} in %`);

  // The figure: drawn for the width that there is, labels above the whiskers where it is narrow.
  function draw(blocks) {
    const width = Math.max(260, figure.clientWidth || 640), narrow = width < 520;
    const left = narrow ? 8 : 236, right = width - (narrow ? 24 : 14), rowHigh = narrow ? 36 : 23, headHigh = 26;
    const all = blocks.flatMap((block) => block.shown.map((line) => line.found)), values = all.flat();
    let low = Math.min(...values, ...(differenceBox.checked ? [0] : [])), high = Math.max(...values, ...(differenceBox.checked ? [0] : []));
    const margin = (high - low || 0.1) * 0.05;
    [low, high] = [low - margin, high + margin];
    const x = (value) => left + ((value - low) / (high - low)) * (right - left), { values: marks, digits } = ticks(low, high, narrow ? 4 : 7);
    const high_ = blocks.reduce((sum, block) => sum + headHigh + rowHigh * block.shown.length, 0), parts = [];
    for (const mark of marks) {
      parts.push(svg("line", { class: "grid", x1: x(mark), x2: x(mark), y1: 4, y2: high_ + 4 }));
      parts.push(svg("text", { x: x(mark), y: high_ + 20, "text-anchor": "middle" }, signed(mark, digits, differenceBox.checked)));
    }
    if (differenceBox.checked) parts.push(svg("line", { class: "zero", x1: x(0), x2: x(0), y1: 4, y2: high_ + 4 }));
    let y = 4;
    for (const { group, shown } of blocks) {
      parts.push(svg("text", { x: 4, y: y + 18, "font-weight": 600 }, group.title, svg("tspan", { class: "faint", "font-weight": 400 }, `  ${group.photographs.toLocaleString("en")}`)));
      y += headHigh;
      for (const { row, found: [value, from, to] } of shown) {
        const middle = y + rowHigh - 11;
        parts.push(svg("text", narrow ? { x: 8, y: middle - 12 } : { x: left - 10, y: middle + 4, "text-anchor": "end" }, row.label));
        parts.push(svg("g", { class: "line", "data-row": row.row }, svg("title", {}, `${row.label}: ${signed(value, 1)}, ${signed(from, 1)} to ${signed(to, 1)}`),
          svg("line", { x1: x(from), x2: x(to), y1: middle, y2: middle, "stroke-width": 2, style: `stroke: ${ink(row.colour)}` }),
          ...[from, to].map((end) => svg("line", { x1: x(end), x2: x(end), y1: middle - 4, y2: middle + 4, "stroke-width": 2, style: `stroke: ${ink(row.colour)}` })),
          marker(row, x(value), middle, 5)));
        y += rowHigh;
      }
    }
    parts.push(svg("text", { x: (left + right) / 2, y: high_ + 40, "text-anchor": "middle", "font-size": narrow ? 11.5 : 13 }, quantity()));
    figure.replaceChildren(svg("svg", { class: "forest", viewBox: `0 0 ${width} ${high_ + 50}`, role: "img",
      "aria-label": `Forest plot of ${quantity()}, ${all.length} points with 95 % intervals; a table below has the same numbers.` }, ...parts));
  }

  function tell(blocks) {
    const plus = differenceBox.checked, count = blocks.reduce((sum, block) => sum + block.shown.length, 0);
    const head = ["Model variant", plus ? "difference" : "score", "95 % CI, from", "to"].map((text) => h("th", { scope: "col" }, text));
    table.replaceChildren(h("caption", {}, `${quantity()}, mean of ${data.seeds} seeds, 95 % CI over patients and seeds`), h("thead", {}, h("tr", {}, ...head)),
      ...blocks.map(({ group, shown }) => h("tbody", {}, h("tr", { className: "group" }, h("th", { scope: "rowgroup", colSpan: 4 }, `${group.title} (${group.photographs.toLocaleString("en")})`)),
        ...shown.map(({ row, found }) => h("tr", { className: "line" }, h("th", { scope: "row" }, row.label), ...found.map((value) => h("td", {}, signed(value, 1, plus))))))));
    const apart = blocks.flatMap((block) => block.shown).filter(({ found: [, from, to] }) => from > 0 || to < 0).length;
    status.textContent = count ? `${quantity()}: ${count} intervals${plus ? `; ${apart} of them exclude zero. By chance alone about one in twenty does` : ""}.${narrowed}`
      : "Nothing to draw: tick a model variant that has this task and is not the reference.";
  }

  /** Every group of a kind with every variant would be dozens of intervals: two variants, unless the reader asks for more. */
  let narrowed = "";
  function choose() {
    const each = !groupSelect.value.includes("/") && groupSelect.value !== kinds[0].key, reference = rows.findIndex((row) => row.row === referenceSelect.value);
    const ends = [reference, reference === rows.length - 1 ? 0 : rows.length - 1];
    narrowed = "";
    if (each && boxes.filter((box) => box.checked).length > 3) {
      boxes.forEach((box, i) => { box.checked = ends.includes(i); });
      narrowed = " Two variants are drawn in each group: tick more below.";
    }
    refresh();
  }

  function refresh() {
    referenceSelect.disabled = !differenceBox.checked;
    const blocks = lines();
    if (blocks.length) draw(blocks); else figure.replaceChildren();
    tell(blocks);
    publish(model, { metric: metricSelect.value, photographs: groupSelect.value, reference: differenceBox.checked ? referenceSelect.value : "",
      lines: blocks.flatMap(({ group, shown }) => shown.map(({ row, found }) => ({ group: group.name, row: row.row, value: found[0] / 100, low: found[1] / 100, high: found[2] / 100 }))) });
  }

  on(groupSelect, "change", choose);
  for (const control of [metricSelect, differenceBox, referenceSelect, ...boxes]) on(control, "change", refresh);
  for (const [button, checked] of [[every, true], [none, false]]) on(button, "click", () => { boxes.forEach((box) => { box.checked = checked; }); refresh(); });
  referenceSelect.value = data.reference;
  differenceBox.checked = Boolean(data.difference);
  let wide = 0;
  new ResizeObserver(() => { if (figure.clientWidth !== wide) { wide = figure.clientWidth; refresh(); } }).observe(figure);
  refresh();
}

export default { render };
