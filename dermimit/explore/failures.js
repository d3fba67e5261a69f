// Failures: misclassified images, filtered; a table, the image next to it, and on it what the model looked at.

const OWN_STYLE = `
.dermimit .failures { display: grid; gap: 0.8rem 1rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 40rem) { .dermimit .failures { grid-template-columns: minmax(0, 20rem) minmax(0, 1fr); grid-template-rows: auto 1fr; }
  .dermimit .failures > .seen { grid-row: 1 / span 2; } .dermimit .failures > .filters { order: 1; } .dermimit .failures > .list { order: 2; } }
@container (max-width: 39.99rem) { .dermimit .failures > .filters { order: -1; } }
.dermimit .failures fieldset { margin-bottom: 0; }
.dermimit .picture { display: block; width: 100%; max-width: 22rem; border-radius: 0.3rem; margin: 0.4rem 0; }
.dermimit .range { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: 0 0.6rem; align-items: center; }
.dermimit .list .scroll { max-height: 30rem; overflow: auto; border: 1px solid var(--d-line); border-radius: 0.4rem; padding: 0; }
.dermimit .list table { font-size: 0.84em; table-layout: fixed !important; } .dermimit .list :is(th, td) { padding: 0.2rem 0.3rem !important; overflow-wrap: break-word; hyphens: auto; }
.dermimit .list th:nth-child(1) { width: 2.7rem; } .dermimit .list th:nth-child(4) { width: 4.4rem; } .dermimit .list th:nth-child(5) { width: 3.2rem; }
.dermimit tbody tr { cursor: pointer; }
.dermimit tbody tr[aria-selected="true"] { background: var(--d-track); box-shadow: inset 4px 0 0 var(--d-bar); }
.dermimit tbody tr:focus-visible { outline-offset: -3px; }
.dermimit .thumb { width: 32px; height: 32px; display: block; border-radius: 3px; }
.dermimit dl { display: grid; grid-template-columns: minmax(0, 5.5rem) minmax(0, 1fr); gap: 0.15rem 0.7rem; margin: 0.4rem 0; font-size: 0.88em; }
.dermimit dt { font-weight: 600; } .dermimit dd { margin: 0; overflow-wrap: anywhere; }
.dermimit .steps { display: flex; gap: 0.5rem; margin-top: 0.4rem; }
`;

const ORDERS = { surest: "most confident first", unsure: "least confident first", truth: "by true disease", answer: "by predicted disease" };

async function render({ model, el }) {
  const data = model.get("data"), { cases, tags, maps, size, columns, grid: [down, across] } = data;
  const sheetHigh = Math.ceil(cases.length / columns) * size, types = [...new Set(cases.map((c) => c.skin))].sort((a, b) => a - b);
  el.append(h("style", {}, STYLE + OWN_STYLE));

  // Controls.
  const tagSelect = h("select", { name: "tag" });
  const typeBoxes = types.map((t) => h("input", { type: "checkbox", name: `skin-${t}`, checked: true }));
  const typeName = (t) => (t ? ROMAN[t] : "not recorded");
  const [least, most] = ["least", "most"].map((name) => h("input", { type: "range", name, min: 0, max: 100, step: 1, value: name === "least" ? 0 : 100 }));
  const [leastText, mostText] = [h("span", {}), h("span", {})];
  const orderSelect = h("select", { name: "order" }, ...Object.entries(ORDERS).map(([key, label]) => option(key, label)));
  const reset = h("button", { type: "button", name: "reset" }, "Show all");
  const mapSelect = h("select", { name: "map" }, option("", "the image alone"), ...(cases.some((c) => c.selected.length) ? [option("selected", "patches chosen for the disease")] : []),
    ...maps.map((m) => option(m.key, m.label)));
  const status = h("p", { role: "status", ariaLive: "polite" }), meaning = h("p", { className: "quiet" });
  const picture = svg("svg", { class: "picture", viewBox: `0 0 ${size} ${size}`, role: "img" }), facts = h("dl", {}), mapText = h("p", { className: "quiet" });
  const previous = h("button", { type: "button", name: "previous" }, "← previous"), next = h("button", { type: "button", name: "next" }, "next →");
  const body = h("tbody", {}), head = ["image", "true disease", "predicted", "confi\u00addence", "skin type"].map((text, i) => h("th", { scope: "col" }, i ? text : h("span", { className: "hidden-text" }, text)));
  const table = h("table", { role: "grid", ariaLabel: "Misclassified images. Choose one with the arrow keys." }, h("thead", {}, h("tr", {}, ...head)), body);
  const field = (title, className, ...children) => h("fieldset", { className }, h("legend", {}, title), ...children);
  el.append(h("div", { className: "dermimit" }, ...noticeFor(model),
    h("div", { className: "failures" },
      field("Image", "seen", h("label", {}, "Show ", mapSelect), picture, mapText, facts, h("div", { className: "steps" }, previous, next)),
      field("Filter", "filters", h("label", {}, "What else held ", tagSelect), meaning,
        h("div", { role: "group", ariaLabel: "Skin type (Fitzpatrick)" }, "Skin type ", ...types.map((t, i) => h("label", { className: "inline" }, typeBoxes[i], ` ${typeName(t)}`))),
        h("div", { role: "group", ariaLabel: "Confidence of the prediction" }, "Confidence of the prediction", h("label", { className: "range" }, leastText, least), h("label", { className: "range" }, mostText, most)),
        h("label", {}, "Order ", orderSelect), reset),
      h("div", { className: "list" }, status, h("div", { className: "scroll" }, table)))));
  const style = `background-image:url(${data.sprite});background-size:${(columns * 100)}% auto`;
  el.append(h("style", {}, `.dermimit .thumb { ${style} }`));

  let shown = [], chosen = null;

  /** Cases that pass the filters, but for the error type where `any` is asked. */
  function passing(any = false) {
    const skin = new Set(types.filter((_, i) => typeBoxes[i].checked)), tag = tagSelect.value === "" ? null : Number(tagSelect.value);
    return cases.filter((c) => skin.has(c.skin) && 100 * c.confidence >= Number(least.value) && 100 * c.confidence <= Number(most.value)
      && (any || tag === null || c.tags.includes(tag)));
  }

  function fillTags() {
    const pool = passing(true), kept = tagSelect.value;
    tagSelect.replaceChildren(option("", `all misclassified images (${pool.length})`), ...tags.map((t, i) => option(i, `${t.label} (${pool.filter((c) => c.tags.includes(i)).length})`)));
    tagSelect.value = kept;
    meaning.textContent = kept === "" ? "" : `${tags[kept].meaning}.${tags[kept].count === undefined ? "" : ` Among all ${data.wrong.toLocaleString("en")} misclassified images of the run: ${tags[kept].count.toLocaleString("en")}.`}`;
  }

  const sorted = (found) => found.sort({ surest: (a, b) => b.confidence - a.confidence, unsure: (a, b) => a.confidence - b.confidence,
    truth: (a, b) => a.truth.localeCompare(b.truth) || b.confidence - a.confidence, answer: (a, b) => a.said[0][0].localeCompare(b.said[0][0]) || b.confidence - a.confidence }[orderSelect.value]);

  function place(c) {
    const i = cases.indexOf(c);
    return [i % columns, Math.floor(i / columns)];
  }

  function row(c) {
    const [x, y] = place(c), thumb = h("span", { className: "thumb", style: `background-position: ${-32 * x}px ${-32 * y}px; background-size: ${32 * columns}px auto` });
    const line = h("tr", { tabIndex: -1 }, h("td", {}, thumb), h("td", {}, words(c.truth)), h("td", {}, words(c.said[0][0])), h("td", {}, percent(c.confidence)), h("td", {}, typeName(c.skin)));
    for (const cell of line.children) cell.setAttribute("role", "gridcell");
    on(line, "click", () => choose(c, true));
    return line;
  }

  function refresh() {
    if (Number(least.value) > Number(most.value)) (document.activeElement === least ? most : least).value = (document.activeElement === least ? least : most).value;
    leastText.textContent = `at least ${least.value}\u00a0%`;
    mostText.textContent = `at most ${most.value}\u00a0%`;
    fillTags();
    shown = sorted(passing());
    body.replaceChildren(...shown.map(row));
    status.textContent = `${shown.length} of ${cases.length} misclassified images shown.`;
    choose(shown.includes(chosen) ? chosen : shown[0] ?? null, false);
  }

  function choose(c, focus) {
    chosen = c;
    [...body.children].forEach((line, i) => {
      line.setAttribute("aria-selected", shown[i] === c);
      line.tabIndex = shown[i] === c ? 0 : -1;
      if (shown[i] === c && focus) { line.focus({ preventScroll: true }); scrollTo(line); }
    });
    previous.disabled = !c || shown[0] === c;
    next.disabled = !c || shown.at(-1) === c;
    show();
  }

  function scrollTo(line) { // within the list only: the page stays where it is
    const list = table.parentElement, top = line.offsetTop - table.tHead.offsetHeight, bottom = line.offsetTop + line.offsetHeight;
    if (top < list.scrollTop) list.scrollTop = top;
    if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  }

  function patch(number, attributes) {
    const wide = size / across, high = size / down;
    return svg("rect", { x: (number % across) * wide, y: Math.floor(number / across) * high, width: wide, height: high, ...attributes });
  }

  function overlay(c) {
    if (mapSelect.value === "selected") return c.selected.flatMap((p) => [["#000", 1.3], ["#ffe14d", 0.6]].map(([stroke, line]) => patch(p, { fill: "none", stroke, "stroke-width": line, class: "patch" })));
    const text = mapSelect.value ? c.maps[mapSelect.value] : ""; // two digits a patch, 00 to 99
    return Array.from({ length: text.length / 2 }, (_, p) => patch(p, { fill: "#ffe14d", "fill-opacity": 0.75 * (Number(text.slice(2 * p, 2 * p + 2)) / 99), class: "patch" }));
  }

  function show() {
    const map = maps.find((m) => m.key === mapSelect.value);
    mapText.textContent = map ? map.about : mapSelect.value ? "Outlined: the patches that lesion selection chose for the disease." : "";
    if (!chosen) {
      picture.replaceChildren();
      picture.setAttribute("aria-label", "no image: none passes the filters");
      facts.replaceChildren();
    } else {
      const [x, y] = place(chosen), c = chosen;
      picture.replaceChildren(svg("image", { href: data.sprite, x: -x * size, y: -y * size, width: columns * size, height: sheetHigh }), ...overlay(c));
      picture.setAttribute("aria-label", `${data.drawn ? "Synthetic image" : "Photograph"}: ${words(c.truth)}, predicted as ${words(c.said[0][0])}${mapSelect.value ? `; with ${mapSelect.selectedOptions[0].textContent}` : ""}`);
      const line = (title, text) => [h("dt", {}, title), h("dd", {}, text)], signs = (names) => names.map(words).join(", ") || "none";
      facts.replaceChildren(...line("true disease", words(c.truth)), ...line("predicted", c.said.map(([name, p]) => `${words(name)} ${percent(p)}`).join("; ")), ...line("rank of the true disease", c.rank),
        ...line("skin type", typeName(c.skin)), ...(c.part ? line("body part", `${words(c.part)}${c.saidPart && c.saidPart !== c.part ? `, predicted as ${words(c.saidPart)}` : ""}`) : []),
        ...(c.attributes ? line("true attributes", signs(c.attributes)) : []), ...(c.saidAttributes ? line("predicted attributes", signs(c.saidAttributes)) : []),
        ...line("error types", c.tags.map((t) => tags[t].label).join("; ") || "none of the list"));
    }
    publish(model, { count: shown.length, tag: tagSelect.value === "" ? null : tags[tagSelect.value].key, map: mapSelect.value,
      indices: shown.map((c) => c.index), index: chosen?.index ?? null });
  }

  function step(by, focus) {
    const at = Math.min(shown.length - 1, Math.max(0, shown.indexOf(chosen) + by));
    if (shown[at]) choose(shown[at], focus);
  }

  for (const control of [tagSelect, orderSelect, ...typeBoxes]) on(control, "change", refresh);
  for (const slider of [least, most]) on(slider, "input", refresh);
  on(mapSelect, "change", show);
  on(previous, "click", () => step(-1, false));
  on(next, "click", () => step(1, false));
  on(reset, "click", () => { tagSelect.value = ""; least.value = 0; most.value = 100; typeBoxes.forEach((box) => { box.checked = true; }); refresh(); });
  on(body, "keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    if (Math.abs(by) === Infinity) choose(by > 0 ? shown.at(-1) : shown[0], true); else step(by, true);
  });
  fillTags();
  mapSelect.value = "";
  refresh();
}

export default { render };
