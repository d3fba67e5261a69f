// Images of a manifest, filtered by label, split and skin type, page by page, with counts.

const OWN_STYLE = `
.dermimit .gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: 0.6rem; list-style: none; margin: 0.5rem 0; padding: 0; }
.dermimit .gallery li { margin: 0; }
.dermimit .gallery figure { margin: 0; }
.dermimit .gallery img, .dermimit .gallery .blank { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 0.3rem; background: var(--d-track) !important; display: block; margin: 0; padding: 0 !important; }
.dermimit .gallery .blank { display: grid; place-items: center; font-size: 0.75em; padding: 0.3rem; overflow: hidden; }
.dermimit .gallery figcaption { font-size: 0.8em; line-height: 1.25; overflow-wrap: anywhere; color: inherit; margin: 0.2rem 0 0; text-align: left; }
.dermimit .filters { display: flex; flex-wrap: wrap; gap: 0 1.2rem; }
.dermimit .counts { columns: 15rem; list-style: none; margin: 0; padding: 0; }
.dermimit .counts li { break-inside: avoid; display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 0.6rem; font-size: 0.9em; margin: 0 0 0.2rem; }
.dermimit .counts .track { grid-column: 1 / -1; height: 0.35rem; background: var(--d-track); border-radius: 0.2rem; }
.dermimit .counts .fill { display: block; height: 100%; background: var(--d-bar); border-radius: 0.2rem; }
.dermimit .steps { display: flex; gap: 0.6rem; align-items: center; flex-wrap: wrap; }
`;

const AT_ONCE = 24;

async function render({ model, el }) {
  const data = model.get("data"), { fields, photographs } = data, pictures = { ...data.pictures }, asked = new Set();
  el.append(h("style", {}, STYLE + OWN_STYLE));
  const has = (field, row, value) => (field.several ? (field.rows[row] ?? []).includes(value) : field.rows[row] === value);
  const selects = fields.map((field) => h("select", { name: field.key }, option("", "any"), ...field.names.map((name, i) => option(i, words(name)))));
  const countSelect = h("select", { name: "count" }, ...fields.map((field, i) => option(i, field.label)));
  const previous = h("button", { type: "button", name: "previous" }, "← previous"), next = h("button", { type: "button", name: "next" }, "next →"), where = h("span", {});
  const reset = h("button", { type: "button", name: "reset" }, "Show all");
  const status = h("p", { role: "status", ariaLive: "polite" }), gallery = h("ul", { className: "gallery", ariaLabel: "Images" }), counts = h("ul", { className: "counts", ariaLabel: "Counts" });
  const box = (title, ...children) => h("fieldset", {}, h("legend", {}, title), ...children);
  el.append(h("div", { className: "dermimit" }, ...noticeFor(model),
    box("Filter", h("div", { className: "filters" }, ...fields.map((field, i) => h("label", {}, `${field.label} `, selects[i]))), reset), status, gallery,
    h("div", { className: "steps" }, previous, where, next), box("How many pass the filter", h("label", {}, "by ", countSelect), counts)));

  let page = 0, passing = [];

  /** Without a kernel only the thumbnails of the page itself can be shown; the counts are of all photographs. */
  const visible = () => (data.kernel ? passing : passing.filter((row) => pictures[row]));

  function refresh() {
    const wanted = selects.map((select) => (select.value === "" ? null : Number(select.value)));
    passing = Array.from({ length: photographs }, (_, row) => row).filter((row) => fields.every((field, i) => wanted[i] === null || has(field, row, wanted[i])));
    page = 0;
    count();
    leaf();
  }

  function count() {
    const field = fields[countSelect.value], numbers = field.names.map((_, value) => passing.filter((row) => has(field, row, value)).length), most = Math.max(1, ...numbers);
    const order = field.ordered ? numbers.map((_, i) => i) : numbers.map((_, i) => i).sort((a, b) => numbers[b] - numbers[a]);
    const some = order.filter((i) => numbers[i]), without = order.length - some.length;
    const unknown = passing.filter((row) => (field.several ? field.rows[row] === null : field.rows[row] < 0)).length;
    counts.replaceChildren(...some.map((i) => h("li", {}, h("span", {}, words(field.names[i])), h("span", {}, numbers[i].toLocaleString("en")),
      h("span", { className: "track", ariaHidden: "true" }, h("span", { className: "fill", style: `width: ${(100 * numbers[i]) / most}%` })))), ...(unknown ? [h("li", {}, h("span", {}, "not recorded"), h("span", {}, unknown.toLocaleString("en")))] : []), ...(without ? [h("li", { className: "quiet" }, h("span", {}, `${without} others have none`), "")] : []));
  }

  const label = (field, row) => (field.several ? (field.rows[row] ?? []).map((i) => words(field.names[i])).join(", ") : words(field.names[field.rows[row]] ?? ""));

  function figure(row) {
    const captions = fields.filter((field) => !field.several && field.key !== "split").map((field) => (field.key === "skin" && label(field, row) ? `skin ${label(field, row)}` : label(field, row))).filter(Boolean);
    const found = pictures[row], blank = !found || found.startsWith("error:");
    const image = blank ? h("div", { className: "blank" }, found || "…") : h("img", { className: "dark-light", src: found, alt: `image: ${captions.join(", ")}` });
    return h("li", {}, h("figure", {}, image, h("figcaption", {}, captions.join(", "))));
  }

  function leaf() {
    const rows = visible(), pages = Math.max(1, Math.ceil(rows.length / AT_ONCE)), here = rows.slice(page * AT_ONCE, (page + 1) * AT_ONCE);
    gallery.replaceChildren(...here.map(figure));
    where.textContent = `page ${page + 1} of ${pages}`;
    previous.disabled = page === 0;
    next.disabled = page >= pages - 1;
    status.textContent = `${passing.length.toLocaleString("en")} of ${photographs.toLocaleString("en")} images${data.kernel ? "" : `; ${rows.length} of them can be seen in this page`}.`;
    const missing = here.filter((row) => !pictures[row] && !asked.has(row));
    if (data.kernel && missing.length) { missing.forEach((row) => asked.add(row)); model.send({ rows: missing }); }
    publish(model, { count: passing.length, page, rows: here });
  }

  model.on("msg:custom", (message) => { Object.assign(pictures, message.pictures); leaf(); });
  for (const select of selects) on(select, "change", refresh);
  on(countSelect, "change", count);
  on(previous, "click", () => { page -= 1; leaf(); });
  on(next, "click", () => { page += 1; leaf(); });
  on(reset, "click", () => { selects.forEach((select) => { select.value = ""; }); refresh(); });
  refresh();
}

export default { render };
