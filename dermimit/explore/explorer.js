// DermImitFormer in the browser: one ES module, used by Jupyter (anywidget) and by a static page.
// In a page the model runs in the browser, and nothing is fetched but the files beside the page; in Jupyter it may also
// run in the kernel (torch), which then sees the photograph and can draw maps.

const FILES = { "runtime.mjs": "runtime", "runtime.wasm": "runtime", "model.onnx": "model", "facts.json": "model", "cases.json": "cases" };
const TASKS = ["body_part", "attributes", "disease"];
const PRIVATE = "Your photograph stays in this browser: it is sent nowhere.";
const TO_KERNEL = "Your photograph goes to the kernel of this notebook, and nowhere else.";
const WITHOUT_CONTROLS = "This run has not got the parts (lesion selection and cross-interaction between three tasks) that could be changed here.";
const HALF = [0.5, 0.5, 0.5];
const CHANGED = 5e-4; // of a probability: less is not worth a mention

const OWN_STYLE = `
.dermimit .photo { position: relative; touch-action: none; cursor: crosshair; max-width: 22rem; aspect-ratio: 1; margin: 0.4rem 0; }
.dermimit .photo > * { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 0.3rem; }
.dermimit .photo .map { opacity: 0.6; image-rendering: pixelated; }
.dermimit .photo.over { outline: 3px dashed var(--d-bar); }
.dermimit ol, .dermimit ul { list-style: none; margin: 0; padding: 0; }
.dermimit li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 0.6rem; align-items: center; margin: 0 0 0.35rem; }
.dermimit li > * { min-width: 0; overflow-wrap: anywhere; }
.dermimit li .track { grid-column: 1 / -1; height: 0.55rem; background: var(--d-track); border-radius: 0.3rem; position: relative; }
.dermimit li .fill { position: absolute; inset: 0 auto 0 0; background: var(--d-bar); border-radius: 0.3rem; }
.dermimit li .was { position: absolute; top: -0.15rem; bottom: -0.15rem; width: 3px; margin-left: -1px; background: var(--d-was); }
.dermimit li .number { font-variant-numeric: tabular-nums; text-align: right; }
.dermimit .number small { color: var(--d-was); }
`;

// ---------------------------------------------------------------- files

async function inflate(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** Files as scripts that hold them in base64: unlike fetch, this works on a page opened by double click. */
function filesBeside(base) {
  const loading = {};
  const load = (stem) => (loading[stem] ??= new Promise((done, fail) => {
    const src = `${base.replace(/\/?$/, "/")}${stem}.js`;
    document.head.append(h("script", { src, onload: done, onerror: () => fail(new Error(`${src} is missing: build the explorer again`)) }));
  }));
  return async (name) => {
    await load(FILES[name]);
    const text = atob(globalThis.dermimitAssets[name]), bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    return inflate(bytes);
  };
}

/** Files sent by the kernel. */
function filesFromKernel(model) {
  const waiting = {};
  model.on("msg:custom", (message, buffers) => waiting[message.asset]?.(message, buffers));
  return (name) => new Promise((done, fail) => {
    waiting[name] = (message, buffers) => (message.error ? fail(new Error(message.error)) : done(inflate(buffers[0])));
    model.send({ asset: name });
  });
}

// ---------------------------------------------------------------- the model

const json = async (get, name) => JSON.parse(new TextDecoder().decode(await get(name)));

/** ONNX Runtime on one thread, which needs no special headers; the function it returns answers for pixels and choices. */
async function startModel(get) {
  const [facts, module, wasmBinary, weights] = await Promise.all(
    [json(get, "facts.json"), ...["runtime.mjs", "runtime.wasm", "model.onnx"].map(get)]);
  const address = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  const ort = await import(/* @vite-ignore */ address);
  URL.revokeObjectURL(address);
  Object.assign(ort.env.wasm, { numThreads: 1, proxy: false, wasmBinary });
  const session = await ort.InferenceSession.create(new Uint8Array(weights), { executionProviders: ["wasm"] });
  const [height, width] = facts.image_size;
  const flag = (on) => new ort.Tensor("bool", [on], []);
  const overrides = (task, set) =>
    new ort.Tensor("float32", Float32Array.from(facts.classes[task], (name) => set[name] ?? NaN), [1, facts.classes[task].length]);

  const { mean = HALF, std = HALF } = facts; // models exported before these were facts have 0.5

  async function answer(pixels, choice) {
    const n = height * width, values = new Float32Array(3 * n);
    for (let i = 0; i < n; i++) for (let c = 0; c < 3; c++) values[c * n + i] = pixels[4 * i + c] / (255 * std[c]) - mean[c] / std[c];
    const found = await session.run({
      image: new ort.Tensor("float32", values, [1, 3, height, width]),
      k: new ort.Tensor("int64", BigInt64Array.of(BigInt(choice.k)), []),
      lsm_on: flag(choice.lsm),
      cim_on: flag(choice.cim),
      override_attributes: overrides("attributes", choice.attributes),
      override_body_part: overrides("body_part", choice.body_part),
    });
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, Array.from(tensor.data, Number)]));
  }
  return { facts, answer };
}

/** The kernel answers instead: any run of torch, with maps of it on demand. */
async function modelOfKernel(model, get) {
  const waiting = new Map();
  let asked = 0;
  model.on("msg:custom", (message) => {
    const wait = waiting.get(message.reply);
    waiting.delete(message.reply);
    if (wait) message.error ? wait.fail(new Error(message.error)) : wait.done(message.found);
  });
  const ask = (what, pixels) => new Promise((done, fail) => {
    waiting.set(++asked, { done, fail });
    model.send({ ask: asked, ...what }, undefined, [new Uint8Array(pixels).buffer]);
  });
  return {
    facts: await json(get, "facts.json"),
    answer: (pixels, choice) => ask({ choice }, pixels),
    draw: (pixels, map) => ask({ map }, pixels),
  };
}

// ---------------------------------------------------------------- photographs

/** The central square of a picture as size × size RGBA pixels. */
async function readPixels(source, size, interpolation) {
  const side = Math.min(source.width, source.height), most = Math.min(side, Math.max(size, 1024));
  const context = h("canvas", { width: most, height: most }).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, most, most);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, Math.floor((source.width - side) / 2), Math.floor((source.height - side) / 2), side, side, 0, 0, most, most);
  return shrink(context.getImageData(0, 0, most, most).data, most, size, FILTERS[interpolation] ?? FILTERS.bilinear);
}

/** Weight of a pixel at a distance in pixels of the result, and how far it reaches: Keys' cubic with a = -0.5, as Pillow. */
const FILTERS = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - x) },
  bicubic: { reach: 2, weight: (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0) },
};

/** A filter over rows, then columns, as torchvision's resize with antialiasing; what overshoots is cut off. */
function shrink(pixels, from, to, filter) {
  if (from === to) return pixels;
  const scale = from / to, wide = Math.max(scale, 1), reach = filter.reach * wide;
  const taps = Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale, first = Math.max(0, Math.floor(centre - reach + 0.5)), end = Math.min(from, Math.floor(centre + reach + 0.5));
    const weights = Array.from({ length: end - first }, (_, j) => filter.weight(Math.abs(first + j + 0.5 - centre) / wide));
    const sum = weights.reduce((a, b) => a + b);
    return { first, weights: weights.map((w) => w / sum) };
  });
  const across = filter.reach > 1 ? new Uint8ClampedArray(from * to * 4) : new Float32Array(from * to * 4), out = new Uint8ClampedArray(to * to * 4);
  for (let y = 0; y < from; y++) for (let x = 0; x < to; x++) for (let c = 0; c < 4; c++)
    across[4 * (y * to + x) + c] = taps[x].weights.reduce((sum, w, j) => sum + w * pixels[4 * (y * from + taps[x].first + j) + c], 0);
  for (let y = 0; y < to; y++) for (let x = 0; x < to; x++) for (let c = 0; c < 4; c++)
    out[4 * (y * to + x) + c] = Math.round(taps[y].weights.reduce((sum, w, j) => sum + w * across[4 * ((taps[y].first + j) * to + x) + c], 0));
  return out;
}

async function pictureOf(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/** The pixels with a rectangle in the photograph's mean colour. */
function occluded(pixels, rect, size) {
  if (!rect) return pixels;
  const mean = [0, 0, 0], out = pixels.slice();
  for (let i = 0; i < pixels.length; i += 4) for (let c = 0; c < 3; c++) mean[c] += (4 * pixels[i + c]) / pixels.length;
  for (let y = rect.y; y < rect.y + rect.h; y++) for (let x = rect.x; x < rect.x + rect.w; x++)
    for (let c = 0; c < 3; c++) out[4 * (y * size + x) + c] = Math.round(mean[c]);
  return out;
}

// ---------------------------------------------------------------- the page

/** A row: name, number, bar, and a mark where the bar was. */
function bar(name, p, was, mark = "", control = "") {
  const number = h("span", { className: "number" }, percent(p));
  if (Math.abs(p - was) >= CHANGED) number.append(h("small", {}, ` was ${percent(was)}`));
  const track = h("span", { className: "track", ariaHidden: "true" }, h("span", { className: "fill", style: `width: ${100 * p}%` }));
  if (Math.abs(p - was) >= CHANGED) track.append(h("span", { className: "was", style: `left: ${100 * was}%` }));
  return h("li", {}, h("span", {}, `${words(name)}${mark}`, control), number, track);
}

const ranked = (values, count) => values.map((_, i) => i).sort((a, b) => values[b] - values[a]).slice(0, count);

async function render({ model, el }) {
  el.append(h("style", {}, STYLE + OWN_STYLE));
  const root = h("div", { className: "dermimit" }, h("p", { role: "status" }, "Loading the model …"));
  el.append(root);
  try {
    const base = model.get("assets_url");
    const get = base ? filesBeside(base) : filesFromKernel(model);
    const start = model.get("in_kernel") ? modelOfKernel(model, get) : startModel(get);
    const [engine, cases] = await Promise.all([start, json(get, "cases.json")]);
    await explorer(root, model, engine, cases);
  } catch (error) {
    root.replaceChildren(h("p", { role: "alert" }, `The model could not be started: ${error.message}`));
    throw error;
  }
}

async function explorer(root, model, { facts, answer, draw }, { cases }) {
  const size = facts.image_size[0], [rows, columns] = facts.grid, classes = { body_part: [], attributes: [], ...facts.classes };
  const tasks = TASKS.filter((task) => task in facts.classes), selecting = facts.selecting ?? ["disease", "attributes"];
  const controls = facts.controls ?? true; // not every run has K, the switches and the what-ifs
  const usual = () => ({ k: facts.k, lsm: true, cim: true, attributes: {}, body_part: {} });
  let choice = usual(), photo = { pixels: null, truth: null, name: "" }, rect = null, before = null, now = null;

  // Controls, each labelled.
  const caseSelect = h("select", { name: "case" }, ...cases.map((c, i) => option(i, c.name ?? `Case ${i + 1}`)));
  const skinSelect = h("select", { name: "skin" });
  const skinLabel = h("label", {}, "Skin type (Fitzpatrick) of the same case ", skinSelect);
  const file = h("input", { type: "file", accept: "image/*", name: "photo" });
  const truthBox = h("input", { type: "checkbox", name: "truth" });
  const truthText = h("p", { className: "quiet" });
  const canvas = h("canvas", { width: size, height: size, role: "img" });
  const overlay = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  overlay.setAttribute("viewBox", `0 0 ${size} ${size}`);
  overlay.setAttribute("aria-hidden", "true");
  const frame = h("div", { className: "photo", tabIndex: 0, role: "group", ariaLabel: "Photograph. Drag to cover a part; or press Enter, move with "
    + "the arrow keys, resize with Shift and the arrow keys, and clear with Delete." }, canvas, overlay);
  const clear = h("button", { type: "button", name: "clear" }, "Uncover");
  const kRange = h("input", { type: "range", name: "k", min: 1, max: facts.num_patches, step: 1 });
  const kText = h("span", {});
  const lsmBox = h("input", { type: "checkbox", name: "lsm" }), cimBox = h("input", { type: "checkbox", name: "cim" });
  const shownTask = h("select", { name: "task" }, ...selecting.map((task) => option(task, task)));
  const bodySelect = h("select", { name: "body_part" }, option("", "as the model sees it"), ...classes.body_part.map((b) => option(b, words(b))));
  const attributeSelects = classes.attributes.map((name) => h("select", { name: `attribute-${name}`, ariaLabel: `Set ${words(name)}` },
    option("", "as seen"), option("1", "present"), option("0", "absent")));
  const reset = h("button", { type: "button", name: "reset" }, "Reset everything");
  const lists = { disease: h("ol", { ariaLabel: "Differential, most probable first" }), body_part: h("ol", { ariaLabel: "Body part" }), attributes: h("ul", { ariaLabel: "Attributes" }) };
  const attributeRows = classes.attributes.map((name, i) => bar(name, 0, 0, "", controls ? attributeSelects[i] : ""));
  lists.attributes.append(...attributeRows);
  const maps = draw ? mapControls() : null;
  const status = h("p", { role: "status", ariaLive: "polite", className: "quiet" });
  const field = (title, ...children) => h("fieldset", {}, h("legend", {}, title), ...children);
  root.replaceChildren(
    h("p", { className: "notice" }, NOTICE),
    h("div", { className: "columns" },
      h("div", {},
        field("Photograph", h("label", {}, draw ? "Photograph " : "Drawn case ", caseSelect), skinLabel, h("label", {}, "or a photograph of your own ", file), h("p", { className: "quiet" }, draw ? TO_KERNEL : PRIVATE),
          frame, h("p", { className: "quiet" }, `The model sees ${size} × ${size} pixels. ${selecting.length ? "Outlined: the selected patches, stronger where the score is higher. " : ""}Drag to cover a part.`),
          clear, " ", h("label", { className: "inline" }, truthBox, " show the truth"), truthText)),
      h("div", {},
        field("Differential", lists.disease, status),
        field("Model", ...controls ? [h("label", {}, "Patches K: ", kText, kRange), h("label", { className: "inline" }, lsmBox, " lesion selection (LSM)"),
          h("label", { className: "inline" }, cimBox, " cross-interaction (CIM)")] : [h("p", { className: "quiet" }, WITHOUT_CONTROLS)],
          ...selecting.length ? [h("label", {}, "Outline the patches of ", shownTask)] : [], reset),
        ...maps ? [field("Where it looks", ...maps.parts)] : [],
        ...tasks.includes("body_part") ? [field("Body part", ...controls ? [h("label", {}, "What if it were ", bodySelect),
          h("p", { className: "quiet" }, "What you set here or below is told to the disease through the cross-interaction (CIM). The bars stay the model's own answer.")] : [], lists.body_part)] : [],
        ...tasks.includes("attributes") ? [field("Attributes", ...controls ? [h("p", { className: "quiet" }, "What if one were present, or absent?")] : [],
          h("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Attributes, scrollable" }, lists.attributes))] : [])));

  function inWords(truth) {
    const part = [truth.body_part].flat().filter(Boolean).map(words).join(" or "), type = ROMAN[truth.fitzpatrick];
    const parts = [truth.disease && words(truth.disease), part, type && `skin type ${type}`].filter(Boolean).join(", ");
    return `${controls && !draw ? "Drawn as" : "Recorded as"} ${parts}${truth.attributes ? `: ${truth.attributes.map(words).join(", ") || "no attribute"}` : ""}.`;
  }

  /** Task, class and method of a map, a button, and the map on the photograph. */
  function mapControls() {
    const task = h("select", { name: "map-task" }, ...tasks.toReversed().map((name) => option(name, words(name))));
    const method = h("select", { name: "map-method" }), named = h("select", { name: "map-class" });
    const button = h("button", { type: "button", name: "map" }, "Draw the map"), note = h("p", { className: "quiet", role: "status" });
    const picture = h("img", { className: "map", hidden: true, alt: "" });
    frame.insertBefore(picture, overlay);
    const fill = () => {
      named.replaceChildren(option("", "its answer"), ...facts.classes[task.value].map((name) => option(name, words(name))));
      method.replaceChildren(...facts.methods[task.value].map((name) => option(name, words(name) + (facts.baselines.includes(name) ? " (knows nothing)" : ""))));
    };
    const clearMap = () => { picture.hidden = true; note.textContent = ""; };
    task.addEventListener("change", fill);
    button.addEventListener("click", async () => {
      button.disabled = true;
      note.textContent = "Drawing …";
      try {
        const asked = photo, found = await draw(occluded(photo.pixels, rect, size), { task: task.value, class: named.value, method: method.value });
        if (asked !== photo) return;
        Object.assign(picture, { src: found.picture, hidden: false, alt: `Map of ${words(method.value)} for ${task.value}` });
        note.textContent = `Dark: least, bright: most, within this photograph.${found.delta === null ? "" : ` Missing from completeness: ${found.delta.toFixed(3)} logits.`}`;
      } catch (error) { note.textContent = `No map: ${error.message}`; } finally { button.disabled = false; }
    });
    fill();
    return { clear: clearMap, parts: [h("label", {}, "Task ", task), h("label", {}, "Class ", named), h("label", {}, "Method ", method), button, note] };
  }

  // Show the choices and the answer.
  function showControls() {
    kRange.value = choice.k;
    kRange.disabled = !choice.lsm;
    kText.textContent = choice.lsm ? `${choice.k} of ${facts.num_patches} (trained with ${facts.k})` : `all ${facts.num_patches}`;
    lsmBox.checked = choice.lsm;
    cimBox.checked = choice.cim;
    bodySelect.value = Object.keys(choice.body_part)[0] ?? "";
    classes.attributes.forEach((name, i) => { attributeSelects[i].value = choice.attributes[name] ?? ""; });
    clear.disabled = !rect;
  }

  function showPhoto() {
    const pixels = occluded(photo.pixels, rect, size);
    canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels), size, size), 0, 0);
    canvas.setAttribute("aria-label", `${photo.name}${rect ? ", partly covered" : ""}`);
    overlay.replaceChildren();
    if (now && selecting.length) {
      const task = shownTask.value, order = now[`${task}_ranked`], scores = now[`${task}_scores`], most = scores[order[0]];
      const high = size / rows, wide = size / columns;
      for (const patch of order.slice(0, choice.lsm ? choice.k : 0)) for (const [colour, width] of [["#000", 1.3], ["#ffe14d", 0.6]])
        addRect((patch % columns) * wide, Math.floor(patch / columns) * high, wide, high, colour, width, 0.25 + 0.75 * (scores[patch] / most), "patch");
    }
    if (rect) addRect(rect.x, rect.y, rect.w, rect.h, "#ff5a4d", 0.8, 1, "cover");
  }

  function addRect(x, y, width, height, stroke, line, opacity, kind) {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const inset = { x: x + 0.4, y: y + 0.4, width: Math.max(width - 0.8, 0.2), height: Math.max(height - 0.8, 0.2) };
    for (const [name, value] of Object.entries({ ...inset, stroke, "stroke-width": line, opacity, fill: "none", class: kind })) shape.setAttribute(name, value);
    overlay.append(shape);
  }

  function showAnswer() {
    const truth = truthBox.checked ? photo.truth : null;
    const mark = (task, name) => (truth && [truth[task]].flat().includes(name) ? " ✓ true" : "");
    for (const [task, count] of [["disease", 5], ["body_part", 3]].filter(([task]) => tasks.includes(task))) {
      const told = classes[task].findIndex((name) => name in (choice[task] ?? {})), shown = ranked(now[task], count);
      if (told >= 0 && !shown.includes(told)) shown.push(told);
      lists[task].replaceChildren(...shown.map((i) => bar(classes[task][i], now[task][i], before[task][i],
        mark(task, classes[task][i]) + (i === told ? " (told by you)" : ""))));
    }
    classes.attributes.forEach((name, i) => {
      const fresh = bar(name, now.attributes[i], before.attributes[i], mark("attributes", name) + (name in choice.attributes ? " (told by you)" : ""));
      attributeRows[i].firstChild.firstChild.textContent = fresh.firstChild.textContent;
      attributeRows[i].replaceChildren(attributeRows[i].firstChild, ...[...fresh.children].slice(1));
    });
    truthText.textContent = truth ? inWords(truth) : "";
    const [first, second] = ranked(now.disease, 2), led = ranked(before.disease, 1)[0];
    announce(`Most probable: ${words(classes.disease[first])} ${percent(now.disease[first])}, then ${words(classes.disease[second])} ${percent(now.disease[second])}.`
      + (first === led ? "" : ` Before your changes: ${words(classes.disease[led])} ${percent(before.disease[led])}.`));
  }

  let speaking;
  function announce(text) { // once the reader pauses, so that a moving slider does not chatter
    clearTimeout(speaking);
    speaking = setTimeout(() => { status.textContent = text; }, 300);
  }

  // One question at a time; while it runs, only the newest of the next is kept.
  let running = false, again = false;
  async function refresh() {
    showControls();
    maps?.clear();
    if (photo.pixels) showPhoto();
    if (running) { again = true; return; }
    running = true;
    try {
      do {
        again = false;
        const asked = photo, start = performance.now();
        before = asked.before ??= await answer(asked.reference, usual());
        now = await answer(occluded(asked.pixels, rect, size), choice);
        if (asked === photo && !again) publish(performance.now() - start);
      } while (again);
    } catch (error) {
      announce(`The model could not answer: ${error.message}`);
      throw error;
    } finally { running = false; }
    showPhoto();
    showAnswer();
  }

  function publish(milliseconds) { // to the kernel, or to whoever holds the model of a static page
    const named = (task) => Object.fromEntries(classes[task].map((name, i) => [name, now[task][i]]));
    const selected = now.disease_ranked?.slice(0, choice.lsm ? choice.k : facts.num_patches) ?? [];
    model.set("answer", { photo: photo.name, k: choice.k, lsm: choice.lsm, cim: choice.cim, selected, milliseconds,
      rectangle: rect, ...Object.fromEntries(tasks.map((task) => [task, named(task)])) });
    model.save_changes();
  }

  async function takePhoto(pixels, name, truth, reference = pixels) { // the reference is what "was" refers to
    photo = { pixels, name, truth, reference };
    rect = null;
    Object.assign(choice, { attributes: {}, body_part: {} });
    truthBox.parentElement.hidden = !truth;
    await refresh();
  }

  async function takeCase() {
    const index = Number(caseSelect.value), { truth, photos } = cases[index], types = Object.keys(photos).map(Number);
    if (skinSelect.dataset.case !== caseSelect.value) {
      skinSelect.replaceChildren(...types.map((t) => option(t, `${ROMAN[t] ?? ""}${t === truth.fitzpatrick ? " (as drawn first)" : ""}`)));
      skinSelect.value = truth.fitzpatrick ?? 0;
      skinSelect.dataset.case = caseSelect.value;
    }
    skinLabel.hidden = types.length < 2;
    const type = skinSelect.value, read = async (t) => readPixels(await pictureOf(photos[t]), size, facts.interpolation);
    const [pixels, first] = [await read(type), await read(truth.fitzpatrick ?? 0)];
    const name = cases[index].name ?? `Case ${index + 1}`;
    await takePhoto(pixels, ROMAN[type] ? `${name}, skin type ${ROMAN[type]}` : name, { ...truth, fitzpatrick: Number(type) }, first);
  }

  async function takeFile(chosen) {
    if (!chosen) return;
    try {
      const picture = await createImageBitmap(chosen);
      skinLabel.hidden = true;
      await takePhoto(await readPixels(picture, size, facts.interpolation), `Your photograph ${chosen.name}`, null);
    } catch (error) { announce(`${chosen.name} cannot be read as a photograph by this browser (${error.message}); save it as JPEG or PNG`); }
  }

  // Events.
  on(caseSelect, "change", takeCase);
  on(skinSelect, "change", takeCase);
  on(file, "change", () => takeFile(file.files[0]));
  on(truthBox, "change", showAnswer);
  on(shownTask, "change", showPhoto);
  on(kRange, "input", () => { choice.k = Number(kRange.value); refresh(); });
  on(lsmBox, "change", () => { choice.lsm = lsmBox.checked; refresh(); });
  on(cimBox, "change", () => { choice.cim = cimBox.checked; refresh(); });
  on(bodySelect, "change", () => { choice.body_part = bodySelect.value ? { [bodySelect.value]: 1 } : {}; refresh(); });
  attributeSelects.forEach((select, i) => on(select, "change", () => {
    delete choice.attributes[classes.attributes[i]];
    if (select.value) choice.attributes[classes.attributes[i]] = Number(select.value);
    refresh();
  }));
  on(clear, "click", () => { rect = null; refresh(); frame.focus(); });
  on(reset, "click", () => { choice = usual(); rect = null; refresh(); });
  on(frame, "dragover", (event) => { event.preventDefault(); frame.classList.add("over"); });
  on(frame, "dragleave", () => frame.classList.remove("over"));
  on(frame, "drop", (event) => { event.preventDefault(); frame.classList.remove("over"); takeFile(event.dataTransfer.files[0]); });

  let corner = null;
  const place = (event) => {
    const box = frame.getBoundingClientRect(), inside = (v) => Math.min(size, Math.max(0, Math.round(v * size)));
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  };
  on(frame, "pointerdown", (event) => { corner = place(event); frame.setPointerCapture(event.pointerId); });
  on(frame, "pointermove", (event) => {
    if (!corner) return;
    const [x, y] = place(event), w = Math.abs(x - corner[0]), tall = Math.abs(y - corner[1]);
    rect = w && tall ? { x: Math.min(x, corner[0]), y: Math.min(y, corner[1]), w, h: tall } : null;
    refresh();
  });
  for (const end of ["pointerup", "pointercancel"]) on(frame, end, () => { corner = null; });
  on(frame, "keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const step = Math.max(1, Math.round(size / 32)), third = Math.round(size / 3);
    if (event.key === "Enter") rect ??= { x: third, y: third, w: third, h: third };
    else if (["Delete", "Backspace", "Escape"].includes(event.key) && rect) rect = null;
    else if (move && rect) {
      const [dx, dy] = move.map((v) => v * step), within = (v, low, high) => Math.min(high, Math.max(low, v));
      if (event.shiftKey) rect = { ...rect, w: within(rect.w + dx, 1, size - rect.x), h: within(rect.h + dy, 1, size - rect.y) };
      else rect = { ...rect, x: within(rect.x + dx, 0, size - rect.w), y: within(rect.y + dy, 0, size - rect.h) };
    } else return;
    event.preventDefault();
    refresh();
  });

  caseSelect.value = Math.min(model.get("case") ?? 0, cases.length - 1);
  await takeCase();
}

export default { render };
