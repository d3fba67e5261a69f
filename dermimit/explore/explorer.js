// DermImitFormer under the reader's hands: one ES module, used by Jupyter (anywidget) and by a static page.
// In a page the model runs in the browser, and nothing is fetched but the files beside the page; in Jupyter it may also
// run in the kernel (torch), which then sees the image and can draw maps.

const TASKS = ["body_part", "attributes", "disease"];
const PRIVATE = "Your photograph stays in this browser: it is sent nowhere.";
const TO_KERNEL = "Your photograph goes to the kernel of this notebook, and nowhere else.";
const WITHOUT_CONTROLS = "This run has no lesion selection, or no cross-attention between three tasks: there is nothing to change in the model.";
const CHANGED = 5e-4; // of a probability: less is not worth a mention
const TOP = { disease: 5, body_part: 3, attributes: 4 };

const OWN_STYLE = `
.dermimit .thumbs { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 3px; margin: 0 0 0.6rem; padding: 0; border: 0; background: none; }
@container (min-width: 34rem) { .dermimit .thumbs { grid-template-columns: repeat(12, minmax(0, 1fr)); } }
@container (min-width: 50rem) { .dermimit .thumbs { grid-template-columns: repeat(24, minmax(0, 1fr)); } }
.dermimit .thumbs label { margin: 0; position: relative; }
.dermimit .thumbs input, .dermimit .choices input { position: absolute; opacity: 0; width: 100%; height: 100%; inset: 0; margin: 0; cursor: pointer; }
.dermimit .thumbs img { display: block; width: 100%; aspect-ratio: 1; border-radius: 4px; margin: 0; background: none !important; padding: 0 !important; }
.dermimit .thumbs input:checked + img { outline: 3px solid var(--d-bar); outline-offset: -1px; }
.dermimit .thumbs input:focus-visible + img { outline: 3px solid var(--d-ink); outline-offset: 1px; }
.dermimit .stage { display: grid; gap: 0.4rem 1.2rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
@container (min-width: 34rem) { .dermimit .stage { grid-template-columns: minmax(0, 20rem) minmax(0, 1fr); } }
.dermimit .photo { position: relative; touch-action: none; cursor: crosshair; width: 100%; max-width: 20rem; aspect-ratio: 1; margin: 0 0 0.3rem; }
.dermimit .photo > * { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 0.3rem; }
.dermimit .photo :is(.map, .coarse) { image-rendering: pixelated; } .dermimit .photo .map { opacity: 0.6; }
.dermimit .photo.over { outline: 3px dashed var(--d-bar); }
.dermimit .together { display: flex; flex-wrap: wrap; gap: 0.3rem 0.6rem; align-items: center; margin: 0.3rem 0; }
.dermimit .together label { margin: 0; } .dermimit .together select { max-width: 11rem; }
.dermimit .choices { display: flex; flex-wrap: wrap; align-items: center; gap: 0; border: 0; padding: 0; margin: 0.3rem 0; background: none; }
.dermimit .choices legend { float: left; font-weight: 400; font-size: 0.9em; padding: 0 0.5rem 0 0; }
.dermimit .choices label { position: relative; margin: 0 0 0 -1px; border: 1px solid var(--d-line); padding: 0.2rem 0.5rem; font-size: 0.9em; }
.dermimit .choices label:has(:checked) { background: var(--d-bar); color: var(--d-ground); }
.dermimit .choices label:has(:focus-visible) { outline: 3px solid var(--d-ink); outline-offset: 1px; z-index: 1; }
.dermimit .slider { display: grid; grid-template-columns: auto minmax(6rem, 1fr); gap: 0 0.6rem; align-items: center; font-size: 0.9em; }
.dermimit h3 { font: inherit; font-weight: 600; margin: 0 0 0.2rem; color: inherit; }
.dermimit .told > .two { display: grid; gap: 0 1.2rem; grid-template-columns: minmax(0, 1fr); margin-top: 0.5rem; }
@container (min-width: 50rem) { .dermimit .told > .two { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.dermimit ol, .dermimit ul { list-style: none; margin: 0; padding: 0; }
.dermimit li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 0.6rem; align-items: center; margin: 0 0 0.3rem; font-size: 0.9em; line-height: 1.25; }
.dermimit li > * { min-width: 0; overflow-wrap: anywhere; }
.dermimit li .track { grid-column: 1 / -1; height: 0.45rem; background: var(--d-track); border-radius: 0.3rem; position: relative; }
.dermimit li .fill { position: absolute; inset: 0 auto 0 0; background: var(--d-bar); border-radius: 0.3rem; }
.dermimit li .was { position: absolute; top: -0.15rem; bottom: -0.15rem; width: 3px; margin-left: -1px; background: var(--d-was); }
.dermimit li .number { font-variant-numeric: tabular-nums; text-align: right; }
.dermimit .number small { color: var(--d-was); }
.dermimit .story { background: var(--d-panel); border-left: 4px solid var(--d-bar); padding: 0.4rem 0.7rem; min-height: 4.2rem; margin: 0.5rem 0; }
.dermimit details { margin: 0.4rem 0; } .dermimit summary { cursor: pointer; padding: 0.2rem 0; }
.dermimit .more { display: grid; gap: 0 1rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 34rem) { .dermimit .more { grid-template-columns: repeat(2, minmax(0, 1fr)); align-items: start; } }
.dermimit.mini .thumbs { grid-template-columns: repeat(6, minmax(0, 3.1rem)); margin: 0 0 0.3rem; }
.dermimit.mini .story { min-height: 2.6rem; margin: 0.3rem 0; padding: 0.2rem 0.6rem; font-size: 0.85em; line-height: 1.3; }
.dermimit.mini .quiet { margin: 0; } .dermimit.mini li { margin-bottom: 0.15rem; } .dermimit.mini .choices { margin: 0.15rem 0; }
`;

/** A name, a number, a bar, and a mark where the bar was. */
function bar(name, p, was, mark = "", control = "") {
  const number = h("span", { className: "number" }, percent(p));
  if (Math.abs(p - was) >= CHANGED) number.append(h("small", {}, ` was ${percent(was)}`));
  const track = h("span", { className: "track", ariaHidden: "true" }, h("span", { className: "fill", style: `width: ${100 * p}%` }));
  if (Math.abs(p - was) >= CHANGED) track.append(h("span", { className: "was", style: `left: ${100 * was}%` }));
  return h("li", {}, h("span", {}, `${words(name)}${mark}`, control), number, track);
}

let shownSoFar = 0; // radio buttons of two explorers on a page are two groups

async function render({ model, el }) {
  const mini = Boolean(model.get("mini")), still = mini ? [...el.children] : [];
  if (!mini) el.replaceChildren();
  const root = h("div", { className: mini ? "dermimit mini" : "dermimit" }, h("p", { role: "status" }, "Loading the model …"));
  el.append(h("style", {}, STYLE + OWN_STYLE), root);
  try {
    const base = model.get("assets_url");
    const get = base ? filesBeside(base) : filesFromKernel(model);
    const start = model.get("in_kernel") ? modelOfKernel(model, get) : startModel(get);
    const [engine, file] = await Promise.all([start, json(get, "cases.json")]);
    await explorer(root, model, engine, file, mini);
    still.forEach((child) => child.remove());
  } catch (error) {
    root.replaceChildren(h("p", { role: "alert" }, `The model could not be started: ${error.message}`));
    throw error;
  }
}

async function explorer(root, model, { facts, answer, draw }, { cases, start = 0, few = [] }, mini) {
  const size = facts.image_size[0], { grid } = facts, [rows, columns] = grid, classes = { body_part: [], attributes: [], disease: [], ...facts.classes };
  const tasks = TASKS.filter((task) => task in facts.classes), hasDisease = tasks.includes("disease"), lead = hasDisease ? "disease" : tasks[0], selecting = facts.selecting ?? ["disease", "attributes"];
  const controls = facts.controls ?? true; // not every run has K, the switches and the what-ifs
  const usual = () => ({ k: facts.k, patches: "attention", draw: 1, cim: true, attributes: {}, body_part: {}, cover: null });
  const offered = mini ? few : cases.map((_, i) => i), linked = !mini && !draw; // a fragment of the address names the state
  const nameOf = (i) => cases[i].name ?? `Case ${i + 1}`, own = (i) => cases[i].truth.fitzpatrick ?? 0, group = (shownSoFar += 1);
  let choice = usual(), photo = { pixels: null, truth: null, name: "" }, number = null, before = null, now = null, looks = "eye", story = null, guessing = false, touched = false;
  const known = cases.flatMap(({ truth }, i) => (classes.disease.includes(truth.disease) ? [i] : [])); // whose disease can be guessed
  const tally = { cases: 0, you: 0, model: 0, best: 0 };

  // Controls, each labelled.
  const radios = (name, legend, entries) => {
    const inputs = entries.map(([value]) => h("input", { type: "radio", name: `${name}-${group}`, value }));
    return { inputs, field: h("fieldset", { className: "choices" }, h("legend", {}, legend), ...entries.map(([, text], i) => h("label", {}, inputs[i], text))) };
  };
  const thumbs = offered.map((i) => h("input", { type: "radio", name: `case-${group}`, value: i }));
  const gallery = h("fieldset", { className: "thumbs", ariaLabel: "Cases" }, ...offered.map((i, place) => h("label", {}, thumbs[place],
    h("img", { src: cases[i].photos[own(i)] ?? Object.values(cases[i].photos)[0], alt: `${nameOf(i)}${ROMAN[own(i)] ? `, skin type ${ROMAN[own(i)]}` : ""}` }))));
  const skinSelect = h("select", { name: "skin" }), skinLabel = h("label", {}, "Skin type ", skinSelect);
  const file = h("input", { type: "file", accept: "image/*", name: "photo" });
  const canvas = h("canvas", { role: "img" }), overlay = svg("svg", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" });
  const frame = h("div", { className: "photo", tabIndex: 0, role: "group", ariaLabel: "Image. Drag to cover a part; or press Enter, move with "
    + "the arrow keys, resize with Shift and the arrow keys, and clear with Delete." }, canvas, overlay);
  const looksBox = h("input", { type: "checkbox", name: "looks" }), looksLabel = h("label", {}, looksBox, ` what the model sees (${size} px)`);
  const clear = h("button", { type: "button", name: "clear" }, "Uncover");
  const patches = radios("patches", "Patches", Object.entries(PATCHES).filter(([key]) => !mini || key !== "all"));
  const again = h("button", { type: "button", name: "draw" }, "again");
  patches.field.append(again);
  const kRange = h("input", { type: "range", name: "k", min: 1, max: facts.num_patches, step: 1 }), kText = h("span", {});
  const cimBox = h("input", { type: "checkbox", name: "cim" });
  const shownTask = h("select", { name: "task" }, ...selecting.map((task) => option(task, task)));
  const bodySelect = h("select", { name: "body_part" }, option("", "as the model sees it"), ...classes.body_part.map((b) => option(b, words(b))));
  const attributeSelects = classes.attributes.map((name) => h("select", { name: `attribute-${name}`, ariaLabel: `Set ${words(name)}` },
    option("", "as seen"), option("1", "present"), option("0", "absent")));
  const lists = { disease: h("ol", { ariaLabel: "Disease, most probable first" }), body_part: h("ol", { ariaLabel: "Body part" }), attributes: h("ol", { ariaLabel: "Attributes" }), all: h("ul", { ariaLabel: "All attributes" }) };
  const attributeRows = classes.attributes.map((name, i) => bar(name, 0, 0, "", attributeSelects[i]));
  lists.all.append(...attributeRows);
  const status = h("p", { role: "status", ariaLive: "polite", className: "story" });
  const tried = Object.fromEntries(["cover", "random", "body", "skin"].map((key) => [key, h("button", { type: "button", name: `try-${key}` })]));
  const guess = h("button", { type: "button", name: "guess" }, "Guess a case first"), reset = h("button", { type: "button", name: "reset" }, "Reset");
  const guessed = h("select", { name: "guessed" }, option("", "choose …"), ...[...classes.disease].sort().map((d) => option(d, words(d))));
  const reveal = h("button", { type: "button", name: "reveal" }, "Show the predictions");
  const form = h("div", { hidden: true }, h("h3", {}, "Which disease is it?"), h("p", { className: "together" }, h("label", {}, "Your choice ", guessed), reveal));
  const field = (title, ...children) => h("fieldset", {}, h("legend", {}, title), ...children);
  const maps = draw ? mapControls() : null;
  const slider = h("label", { className: "slider" }, kText, kRange);
  const steering = [...controls && selecting.length ? [patches.field, slider] : [], ...controls ? [] : [h("p", { className: "quiet" }, WITHOUT_CONTROLS)]];
  const predictions = h("div", { className: "told" }, ...hasDisease ? [h("h3", {}, "Disease"), lists.disease] : [],
    ...mini ? [] : [h("div", { className: "two" }, ...[["body_part", "Body part"], ["attributes", "Attributes"]].filter(([task]) => tasks.includes(task)).map(([task, title]) => h("div", {}, h("h3", {}, title), lists[task])))]);
  const notice = noticeFor(model, !mini);
  const page = model.get("explore"), more = page ? [h("p", { className: "quiet" }, h("a", { href: `${page}#try` }, "More cases and controls"))] : [];
  if (mini) root.replaceChildren(...notice, h("div", { className: "stage" }, h("div", {}, frame), h("div", {}, gallery, predictions, ...steering, status, ...more)));
  else root.replaceChildren(...notice, gallery, h("div", { className: "stage" },
    h("div", {}, frame, h("div", { className: "together quiet" }, looksLabel, skinLabel, clear), ...steering),
    h("div", {}, predictions, form, status, h("div", { className: "together" }, ...controls ? Object.values(tried) : [], guess, reset))),
  h("details", {}, h("summary", {}, "More controls: your own photograph, cross-attention, body part, attributes"), h("div", { className: "more" },
    field("Image", h("label", {}, "A photograph of your own ", file), h("p", { className: "quiet" }, draw ? TO_KERNEL : PRIVATE),
      ...selecting.length ? [h("label", {}, "Outline the patches read for the ", shownTask)] : []),
    field("Model", ...controls ? [h("label", {}, cimBox, " cross-attention between the tasks (CIM)"), h("label", {}, "Tell the disease that the body part is ", bodySelect),
      h("p", { className: "quiet" }, "What you set here or under the attributes reaches the disease through the cross-attention. The other bars stay the model's own predictions.")] : [h("p", { className: "quiet" }, WITHOUT_CONTROLS)]),
    ...maps ? [field("Where it looks", ...maps.parts)] : [],
    ...controls && tasks.includes("attributes") ? [field("Tell the disease that an attribute is present or absent", h("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Attributes, scrollable" }, lists.all))] : [])));

  /** Task, class and method of a map, a button, and the map on the image. */
  function mapControls() {
    const task = h("select", { name: "map-task" }, ...tasks.toReversed().map((name) => option(name, words(name))));
    const method = h("select", { name: "map-method" }), named = h("select", { name: "map-class" });
    const button = h("button", { type: "button", name: "map" }, "Draw the map"), note = h("p", { className: "quiet", role: "status" });
    const picture = h("img", { className: "map", hidden: true, alt: "" });
    frame.insertBefore(picture, overlay);
    const fill = () => {
      named.replaceChildren(option("", "its prediction"), ...facts.classes[task.value].map((name) => option(name, words(name))));
      method.replaceChildren(...facts.methods[task.value].map((name) => option(name, words(name) + (facts.baselines.includes(name) ? " (a baseline that ignores the model)" : ""))));
    };
    const clearMap = () => { picture.hidden = true; note.textContent = ""; };
    task.addEventListener("change", fill);
    button.addEventListener("click", async () => {
      button.disabled = true;
      note.textContent = "Drawing …";
      try {
        const asked = photo, found = await draw(painted(photo.pixels, covering(photo.pixels, choice.cover, photo.lesion, size)), { task: task.value, class: named.value, method: method.value });
        if (asked !== photo) return;
        Object.assign(picture, { src: found.picture, hidden: false, alt: `Map of ${words(method.value)} for ${task.value}` });
        note.textContent = `Dark: least, bright: most, within this image.${found.delta === null ? "" : ` Missing from completeness: ${found.delta.toFixed(3)} logits.`}`;
      } catch (error) { note.textContent = `No map: ${error.message}`; } finally { button.disabled = false; }
    });
    fill();
    return { clear: clearMap, parts: [h("label", {}, "Task ", task), h("label", {}, "Class ", named), h("label", {}, "Method ", method), button, note] };
  }

  // Show the choices and the predictions.
  function showControls() {
    const none = choice.patches === "all", hidden = (element, yes) => { element.hidden = yes; };
    kRange.value = choice.k;
    kRange.disabled = none;
    kText.textContent = none ? `All ${facts.num_patches} patches read` : `${choice.k} of ${facts.num_patches} patches read`;
    for (const input of patches.inputs) input.checked = input.value === choice.patches;
    for (const input of thumbs) input.checked = Number(input.value) === number;
    cimBox.checked = choice.cim;
    looksBox.checked = looks === "model";
    bodySelect.value = Object.keys(choice.body_part)[0] ?? "";
    classes.attributes.forEach((name, i) => { attributeSelects[i].value = choice.attributes[name] ?? ""; });
    hidden(again, choice.patches !== "random");
    hidden(clear, !choice.cover);
    hidden(looksLabel, !photo.large);
    hidden(skinLabel, number === null || skinSelect.options.length < 2);
    hidden(form, !guessing);
    hidden(predictions, guessing);
    hidden(guess, guessing || number === null || !known.length);
    for (const [key, button] of Object.entries(tried)) {
      const can = hasDisease && EXPERIMENTS[key].can(); // each is told by what it did to the disease
      hidden(button, guessing || !can);
      if (can) button.textContent = EXPERIMENTS[key].label();
    }
  }

  function showPhoto() {
    const covered = covering(photo.pixels, choice.cover, photo.lesion, size), fine = photo.large && looks === "eye", side = fine ? photo.large.width : size;
    Object.assign(canvas, { width: side, height: side, className: fine ? "" : "coarse" });
    const context = canvas.getContext("2d"), step = side / size;
    if (fine) context.drawImage(photo.large, 0, 0, side, side);
    else context.putImageData(new ImageData(new Uint8ClampedArray(photo.pixels), size, size), 0, 0);
    context.fillStyle = covered ? `rgb(${covered.colour.join(" ")})` : "";
    covered?.mask.forEach((yes, i) => { if (yes) context.fillRect((i % size) * step, Math.floor(i / size) * step, step, step); });
    canvas.setAttribute("aria-label", `${photo.name}${choice.cover ? ", partly covered" : ""}`);
    overlay.replaceChildren();
    if (now && selecting.length && !guessing) {
      const task = shownTask.value, order = now[`${task}_ranked`], scores = now[`${task}_scores`], most = scores[order[0]], high = size / rows, wide = size / columns;
      for (const patch of order.slice(0, choice.patches === "all" ? 0 : choice.k)) for (const [colour, width] of [["#000", 1.3], ["#ffe14d", 0.6]])
        addRect((patch % columns) * wide, Math.floor(patch / columns) * high, wide, high, colour, width, choice.patches === "attention" ? 0.25 + 0.75 * (scores[patch] / most) : 1, "patch");
    }
    if (choice.cover?.w) addRect(choice.cover.x, choice.cover.y, choice.cover.w, choice.cover.h, "#ff5a4d", 0.8, 1, "cover");
  }

  function addRect(x, y, width, height, stroke, line, opacity, kind) {
    overlay.append(svg("rect", { x: x + 0.4, y: y + 0.4, width: Math.max(width - 0.8, 0.2), height: Math.max(height - 0.8, 0.2), stroke, "stroke-width": line, opacity, fill: "none", class: kind }));
  }

  function showAnswer() {
    const told = (task, name) => (Object.hasOwn(choice[task] ?? {}, name) ? " (told by you)" : "");
    const mark = (task, name) => ([photo.truth?.[task]].flat().includes(name) ? " ★" : "") + told(task, name);
    for (const task of tasks) {
      const shown = ranked(now[task], mini ? 3 : TOP[task]), named = task === "disease" ? -1 : classes[task].findIndex((name) => told(task, name));
      if (named >= 0 && !shown.includes(named)) shown.push(named);
      lists[task].replaceChildren(...shown.map((i) => bar(classes[task][i], now[task][i], before[task][i], mark(task, classes[task][i]))));
    }
    classes.attributes.forEach((name, i) => {
      const fresh = bar(name, now.attributes[i], before.attributes[i], mark("attributes", name));
      attributeRows[i].firstChild.firstChild.textContent = fresh.firstChild.textContent;
      attributeRows[i].replaceChildren(attributeRows[i].firstChild, ...[...fresh.children].slice(1));
    });
    if (guessing) announce("The predictions are hidden until you have chosen.");
    else if (story) announce(story.change ? `${story.text} ${changeOf(before.disease, now.disease, classes.disease)}` : story.text);
    else announce([lesionText(), changed(), photo.truth ? inWords(photo.truth) : ""].filter(Boolean).join(" "));
  }

  /** How much of the patches that are read is lesion, where not the attention chose them. */
  function lesionText() {
    if (!photo.lesion || !selecting.includes("disease") || !["random", "centre"].includes(choice.patches)) return "";
    const part = (found, k) => chance(onLesion(found.disease_ranked.slice(0, k), photo.lesion, grid, size));
    return `The lesion fills ${part(now, choice.k)} of these patches; of those that attention chose, ${part(before, facts.k)}.`;
  }

  function changed() {
    const [was, is, names] = [before[lead], now[lead], classes[lead]];
    return is.some((p, i) => Math.abs(p - was[i]) >= CHANGED) ? changeOf(was, is, names, PREDICTED[lead]) : predictionOf(is, names, PREDICTED[lead]);
  }

  function inWords(truth) {
    const part = [truth.body_part].flat().filter(Boolean).map(words).join(" or "), type = ROMAN[truth.fitzpatrick];
    const parts = [truth.disease && words(truth.disease), part, type && `skin type ${type}`].filter(Boolean).join(", ");
    return parts ? `★ True: ${parts}${!mini && truth.attributes ? `; ${truth.attributes.map(words).join(", ") || "no attribute"}` : ""}.` : "";
  }

  let speaking;
  function announce(text) { // once the reader pauses, so that a moving slider does not chatter
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      status.textContent = text;
      if (linked && touched && number !== null) remember();
    }, 300);
  }

  let written = "";
  function remember() {
    written = toFragment({ number, skin: Number(skinSelect.value) === own(number) ? null : skinSelect.value, choice, usual: usual(), looks });
    history.replaceState(history.state, "", written);
  }

  // One question at a time; while it runs, only the newest of the next is kept.
  let running = null, asked_again = false;
  function refresh() {
    showControls();
    maps?.clear();
    if (photo.pixels) showPhoto();
    if (running) asked_again = true;
    else running = work().finally(() => { running = null; });
    return running;
  }

  async function work() {
    try {
      do {
        asked_again = false;
        const asked = photo, begun = performance.now();
        before = asked.before ??= await answer(asked.reference, question(usual(), grid));
        const seen = painted(asked.pixels, covering(asked.pixels, choice.cover, asked.lesion, size));
        now = await answer(seen, question(choice, grid));
        if (asked === photo && !asked_again) publishAnswer(performance.now() - begun);
      } while (asked_again);
    } catch (error) {
      announce(`The model could not answer: ${error.message}`);
      throw error;
    }
    showPhoto();
    showAnswer();
  }

  function publishAnswer(milliseconds) { // to the kernel, or to whoever holds the model of a static page
    const named = (task) => Object.fromEntries(classes[task].map((name, i) => [name, now[task][i]])), all = choice.patches === "all";
    model.set("answer", { photo: photo.name, k: choice.k, lsm: !all, patches: choice.patches, cim: choice.cim, milliseconds, covered: choice.cover, rectangle: choice.cover?.w ? choice.cover : null,
      selected: now.disease_ranked?.slice(0, all ? facts.num_patches : choice.k) ?? [], body_told: Object.keys(choice.body_part)[0] ?? null, ...Object.fromEntries(tasks.map((task) => [task, named(task)])) });
    model.save_changes();
  }

  const takePhoto = (given) => { photo = given; return refresh(); };
  let newest = 0; // of what was asked for: a picture that is read slowly must not follow a later one

  /** Show a case, with a skin type other than its own where one is named, under some choices; false if another photograph was asked for meanwhile. */
  async function takeCase(next, skin = null, choices = usual()) {
    const { truth, photos, large = {}, lesion, bayes } = cases[next], types = Object.keys(photos).map(Number), type = skin ?? own(next), turn = (newest += 1);
    const read = async (t) => readPixels(await pictureOf(photos[t]), size, facts.interpolation);
    const [pixels, reference, fine] = [await read(type), await read(own(next)), large[type] ? await pictureOf(large[type]) : null];
    if (turn !== newest) return false;
    if (number !== next) skinSelect.replaceChildren(...types.map((t) => option(t, `${ROMAN[t] ?? ""}${t === truth.fitzpatrick ? " (own)" : ""}`)));
    [number, choice] = [next, choices];
    skinSelect.value = type;
    const name = ROMAN[type] ? `${nameOf(next)}, skin type ${ROMAN[type]}` : nameOf(next);
    await takePhoto({ pixels, reference, large: fine, name, truth: { ...truth, fitzpatrick: type }, bayes, lesion: lesion ? unpackMask(lesion, size) : null });
    return turn === newest;
  }

  async function takeFile(chosen) {
    if (!chosen) return;
    const turn = (newest += 1);
    try {
      const picture = await createImageBitmap(chosen), pixels = await readPixels(picture, size, facts.interpolation), side = Math.min(picture.width, picture.height);
      const large = await createImageBitmap(picture, Math.floor((picture.width - side) / 2), Math.floor((picture.height - side) / 2), side, side, { resizeWidth: 320, resizeHeight: 320, resizeQuality: "high" });
      if (turn !== newest) return;
      [number, story, guessing, choice] = [null, null, false, { ...choice, cover: null, attributes: {}, body_part: {} }];
      await takePhoto({ pixels, reference: pixels, large, truth: null, name: `Your photograph ${chosen.name}`, lesion: null });
    } catch (error) {
      if (turn !== newest) return;
      showControls();
      announce(`${chosen.name} cannot be read as a photograph by this browser (${error.message}); save it as JPEG or PNG`);
    }
  }

  // Guided experiments: each starts from the case as it is, changes one thing and says what it did; nothing, if the case was left meanwhile.
  const far = () => (own(number) === 6 ? 1 : 6);
  const EXPERIMENTS = {
    cover: { label: () => "Cover the lesion", can: () => photo.lesion?.some(Boolean), async run() {
      const area = photo.lesion.reduce((sum, yes) => sum + yes, 0) / photo.lesion.length;
      return await takeCase(number, null, { ...usual(), cover: "lesion" }) && `We painted the lesion (${chance(area)} of the image) in the colour of the skin around it.`;
    } },
    random: { label: () => "Choose patches at random", can: () => photo.lesion && selecting.includes("disease"), async run() {
      return await takeCase(number, null, { ...usual(), patches: "random" }) && `We read ${choice.k} patches chosen at random instead of by attention. ${lesionText()}`;
    } },
    body: { label: () => "Tell it another body part", can: () => number !== null && tasks.includes("body_part") && selecting.length > 0, async run() {
      if (!(await takeCase(number))) return false;
      const asked = newest, led = first(before.disease), seen = classes.body_part[first(before.body_part)], others = classes.body_part.filter((part) => part !== seen && part !== photo.truth.body_part);
      const found = [];
      for (const part of others) found.push((await answer(photo.pixels, question({ ...usual(), body_part: { [part]: 1 } }, grid))).disease[led]);
      const most = found.map((p) => Math.abs(p - before.disease[led])), part = others[first(most)];
      return asked === newest && await takeCase(number, null, { ...usual(), body_part: { [part]: 1 } }) && `We told the disease classifier that the body part is ${words(part)} instead of ${words(seen)}: of the ${others.length} others it changes this prediction most.`;
    } },
    skin: { label: () => `${far() === 6 ? "Darken" : "Lighten"} the skin`, can: () => number !== null && String(far()) in cases[number].photos && own(number) > 0, async run() {
      return await takeCase(number, far()) && `We rendered the same case with Fitzpatrick skin type ${ROMAN[far()]} instead of ${ROMAN[own(number)]}.`;
    } },
  };

  async function experiment(key) {
    [touched, story, guessing] = [true, null, false];
    const text = await EXPERIMENTS[key].run();
    if (!text) return;
    story = { text, change: true };
    showAnswer();
  }

  /** A change by hand: what was said of an experiment no longer holds. */
  const byHand = (change) => (...given) => {
    [touched, story] = [true, null];
    change(...given);
    return refresh();
  };

  // Events.
  for (const input of thumbs) on(input, "change", () => { [touched, story] = [true, null]; return takeCase(Number(input.value)); });
  on(skinSelect, "change", () => { [touched, story] = [true, null]; return takeCase(number, Number(skinSelect.value), choice); });
  on(file, "change", () => takeFile(file.files[0]));
  on(looksBox, "change", () => { looks = looksBox.checked ? "model" : "eye"; touched = true; showPhoto(); showAnswer(); });
  on(shownTask, "change", showPhoto);
  on(kRange, "input", byHand(() => { choice.k = Number(kRange.value); }));
  for (const input of patches.inputs) on(input, "change", byHand(() => { choice.patches = input.value; }));
  on(again, "click", byHand(() => { choice.draw += 1; }));
  on(cimBox, "change", byHand(() => { choice.cim = cimBox.checked; }));
  on(bodySelect, "change", byHand(() => { choice.body_part = bodySelect.value ? { [bodySelect.value]: 1 } : {}; }));
  attributeSelects.forEach((select, i) => on(select, "change", byHand(() => {
    delete choice.attributes[classes.attributes[i]];
    if (select.value) choice.attributes[classes.attributes[i]] = Number(select.value);
  })));
  on(clear, "click", () => { byHand(() => { choice.cover = null; })(); frame.focus(); });
  on(reset, "click", () => {
    [touched, story, guessing] = [true, null, false];
    if (number !== null) return takeCase(number);
    choice = usual();
    return refresh();
  });
  for (const [key, button] of Object.entries(tried)) on(button, "click", () => experiment(key));
  on(guess, "click", async () => { // the predictions of the case in sight have been seen
    [touched, story, guessing, guessed.value] = [true, null, true, ""];
    if (await takeCase(known.find((i) => i > number) ?? known[0])) guessed.focus();
  });
  on(reveal, "click", async () => {
    if (!guessed.value) { status.textContent = "Choose a disease first."; guessed.focus(); return; }
    await running; // a slow kernel: what it said last is of the case before
    if (!guessing) return;
    guessing = false;
    story = known.includes(number) ? { text: verdictOf(guessed.value, now.disease, classes.disease, photo, tally), change: false } : null;
    refresh();
    guess.focus();
  });
  on(frame, "dragover", (event) => { event.preventDefault(); frame.classList.add("over"); });
  on(frame, "dragleave", () => frame.classList.remove("over"));
  on(frame, "drop", (event) => { event.preventDefault(); frame.classList.remove("over"); takeFile(event.dataTransfer.files[0]); });

  const cover = byHand((rect) => { choice.cover = rect; });
  let corner = null;
  const place = (event) => {
    const box = frame.getBoundingClientRect(), inside = (v) => Math.min(size, Math.max(0, Math.round(v * size)));
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  };
  on(frame, "pointerdown", (event) => { corner = place(event); frame.setPointerCapture(event.pointerId); });
  on(frame, "pointermove", (event) => {
    if (!corner) return;
    const [x, y] = place(event), w = Math.abs(x - corner[0]), tall = Math.abs(y - corner[1]);
    cover(w && tall ? { x: Math.min(x, corner[0]), y: Math.min(y, corner[1]), w, h: tall } : null);
  });
  for (const end of ["pointerup", "pointercancel"]) on(frame, end, () => { corner = null; });
  on(frame, "keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const step = Math.max(1, Math.round(size / 32)), third = Math.round(size / 3), rect = choice.cover?.w ? choice.cover : null;
    let next = rect;
    if (event.key === "Enter") next = rect ?? { x: third, y: third, w: third, h: third };
    else if (["Delete", "Backspace", "Escape"].includes(event.key) && choice.cover) next = null;
    else if (move && rect) {
      const [dx, dy] = move.map((v) => v * step), within = (v, low, high) => Math.min(high, Math.max(low, v));
      if (event.shiftKey) next = { ...rect, w: within(rect.w + dx, 1, size - rect.x), h: within(rect.h + dy, 1, size - rect.y) };
      else next = { ...rect, x: within(rect.x + dx, 0, size - rect.w), y: within(rect.y + dy, 0, size - rect.h) };
    } else return;
    event.preventDefault();
    cover(next);
  });

  /** The state that the page's address names, if it names one. */
  async function fromAddress() {
    const found = linked && location.hash !== written ? fromFragment(location.hash, { cases, facts, usual, size }) : null;
    if (!found) return false;
    [looks, story, guessing] = [found.looks, null, false];
    await takeCase(found.number, found.skin, found.choice);
    return true;
  }
  if (linked) addEventListener("hashchange", fromAddress);
  if (!(await fromAddress())) await takeCase(Math.min(model.get("case") ?? start, cases.length - 1));
}

export default { render };
