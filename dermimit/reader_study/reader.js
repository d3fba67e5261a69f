// The reading page: one step at a time as the server says; every text is set as text, never as HTML.
"use strict";

const $ = (id) => document.getElementById(id);
const pretty = (name) => name.replaceAll("_", " ");
const CANNOT_TELL = "cannot tell", NONE = "none of these";
const SHOWN = { disease: 5, body_part: 2, attributes: 5 };
const MOST_SECONDS = 86400; // a day: the server takes no longer answer
const TITLES = { disease: "Diseases", body_part: "Body part", attributes: "Attributes" };
let study, reader, due, pickers = {}, started = false;

function make(tag, text = "", attributes = {}) {
  const el = document.createElement(tag);
  el.textContent = text;
  for (const [name, value] of Object.entries(attributes)) el.setAttribute(name, value);
  return el;
}

// ---------------------------------------------------------------- talking to the server

async function ask(path, body) {
  const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
  let response, found;
  try {
    response = await fetch(path, options);
    found = await response.json();
  } catch {
    throw new Error("The program that keeps the answers cannot be reached. Nothing is lost: what you entered stays on this screen. When the program runs again, go on here.");
  }
  if (!response.ok) throw new Error(`Not accepted: ${found.error}`);
  return found;
}

// ---------------------------------------------------------------- time in sight, and the draft of an answer

const clock = { seconds: 0, since: null, interruptions: 0 };
let ready = false; // the case's photograph is there
const running = () => (clock.since === null ? 0 : (performance.now() - clock.since) / 1000);
function pause() { clock.seconds += running(); clock.since = null; }
function resume() { if (started && ready && due?.state === "answer" && !document.hidden && clock.since === null) clock.since = performance.now(); }
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return resume();
  if (clock.since !== null) clock.interruptions += 1;
  pause();
  keepDraft();
});
addEventListener("pagehide", () => { pause(); keepDraft(); });
setInterval(() => keepDraft(), 5000);

const draftName = () => ["dermimit-reader", study.name, reader, due.period, due.case, due.step].join(":");
function keepDraft() {
  if (!started || due?.state !== "answer") return;
  localStorage.setItem(draftName(), JSON.stringify({ given: given(), seconds: clock.seconds + running(), interruptions: clock.interruptions }));
}
function draft() {
  try { return JSON.parse(localStorage.getItem(draftName())); } catch { return null; }
}

// ---------------------------------------------------------------- a list to search and choose from

function picker(host, { label, help, names, most, ordered = false, alone = null }) {
  const id = `${host.id}-input`, listId = `${host.id}-list`;
  const input = make("input", "", { id, role: "combobox", "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list", "aria-describedby": `${id}-help`, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const list = make("ul", "", { id: listId, role: "listbox", "aria-label": label });
  const chosen = make(ordered ? "ol" : "ul", "", { class: "chosen", "aria-label": `${label}: chosen` });
  host.className = ordered ? "picker ordered" : "picker";
  host.replaceChildren(make("label", label, { for: id }), make("span", ` ${help}`, { class: "quiet", id: `${id}-help` }), input, list, chosen);
  list.hidden = true;
  const all = alone === null ? names : [...names, alone];
  let values = [], active = -1, shown = [];

  function open() {
    const text = input.value.trim().toLowerCase();
    const fits = all.filter((n) => !values.includes(n) && pretty(n).toLowerCase().includes(text));
    shown = fits.sort((a, b) => !pretty(a).toLowerCase().startsWith(text) - !pretty(b).toLowerCase().startsWith(text));
    active = text && shown.length ? 0 : -1;
    list.replaceChildren(...shown.map((name, i) => make("li", pretty(name), { role: "option", id: `${listId}-${i}`, "data-i": i })));
    list.hidden = !shown.length;
    mark();
  }
  function close() { list.hidden = true; active = -1; mark(); }
  function mark() {
    for (const option of list.children) {
      option.classList.toggle("active", Number(option.dataset.i) === active);
      option.setAttribute("aria-selected", String(Number(option.dataset.i) === active));
    }
    input.setAttribute("aria-expanded", String(!list.hidden));
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else { input.setAttribute("aria-activedescendant", `${listId}-${active}`); list.children[active].scrollIntoView({ block: "nearest" }); }
  }
  function pick(name) {
    if (name === alone || most === 1) values = [name];
    else if (values.length >= most) return say(`${label}: ${most} at most; take one out first.`, input);
    else values = [...values.filter((n) => n !== alone), name];
    input.value = "";
    close();
    draw();
    keepDraft();
  }
  function draw() {
    chosen.replaceChildren(...values.map((name, i) => {
      const line = make("li");
      line.append(make("span", pretty(name)));
      if (ordered && i) line.append(button("↑", `Move ${pretty(name)} up`, () => { values.splice(i - 1, 2, values[i], values[i - 1]); }));
      line.append(button("×", `Take out ${pretty(name)}`, () => { values.splice(i, 1); }));
      return line;
    }));
  }
  function button(text, title, act) {
    const el = make("button", text, { type: "button", "aria-label": title, title });
    el.addEventListener("click", () => { act(); draw(); keepDraft(); input.focus(); close(); });
    return el;
  }
  input.addEventListener("input", open);
  input.addEventListener("focus", open);
  input.addEventListener("click", open);
  input.addEventListener("blur", close);
  list.addEventListener("pointerdown", (e) => e.preventDefault()); // the input keeps the focus while the list is scrolled
  list.addEventListener("click", (e) => { const option = e.target.closest("[data-i]"); if (option) pick(shown[option.dataset.i]); });
  input.addEventListener("keydown", (e) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      if (list.hidden) open();
      const step = e.key === "ArrowDown" ? 1 : -1;
      active = shown.length ? (active + step + shown.length + (active < 0 && step < 0 ? 1 : 0)) % shown.length : -1;
      mark();
    } else if (e.key === "Enter" && !e.ctrlKey && !e.metaKey) {
      e.preventDefault();
      if (active >= 0) pick(shown[active]);
    } else if (e.key === "Escape") close();
    else if (e.key === "Backspace" && !input.value && values.length) { values.pop(); draw(); open(); keepDraft(); }
  });
  return { input, get: () => [...values], set: (found) => { values = [...found]; input.value = ""; draw(); close(); } };
}

// ---------------------------------------------------------------- the form

function buildForm() {
  pickers = { differential: picker($("differential"), { label: "Diseases", help: "most likely first, one to five", names: study.diseases, most: 5, ordered: true }) };
  if (study.body_parts.length) pickers.body_part = picker($("body_part"), { label: "Body part", help: "one", names: study.body_parts, most: 1, alone: CANNOT_TELL });
  if (study.attributes.length) pickers.attributes = picker($("attributes"), { label: "What you see", help: "all that apply", names: study.attributes, most: study.attributes.length, alone: NONE });
  $("confidence").querySelector(".radios").replaceChildren(...Array.from({ length: 11 }, (_, i) => {
    const label = make("label", `${10 * i} %`), input = make("input", "", { type: "radio", name: "confidence", value: 10 * i });
    input.addEventListener("change", keepDraft);
    label.prepend(input);
    return label;
  }));
}
function given() {
  const sure = document.querySelector("input[name=confidence]:checked");
  return { body_part: pickers.body_part?.get() ?? [], attributes: pickers.attributes?.get() ?? [], differential: pickers.differential.get(), confidence: sure ? Number(sure.value) : null };
}
function fill(values) {
  for (const [name, one] of Object.entries(pickers)) one.set(values?.[name] ?? []);
  for (const radio of document.querySelectorAll("input[name=confidence]")) radio.checked = values?.confidence === Number(radio.value);
}
const asGiven = (was) => ({ ...was, body_part: [was.body_part ?? CANNOT_TELL], attributes: was.attributes.length ? was.attributes : [NONE] });

function say(text, where) {
  $("problem").textContent = text;
  where?.focus();
}
async function save() {
  if ($("save").disabled) return;
  const found = given(), radios = [...document.querySelectorAll("input[name=confidence]")];
  if (pickers.body_part && !found.body_part.length) return say("Choose a body part, or “cannot tell”.", pickers.body_part.input);
  if (pickers.attributes && !found.attributes.length) return say("Choose what you see, or “none of these”.", pickers.attributes.input);
  if (!found.differential.length) return say("Name at least one disease.", pickers.differential.input);
  if (found.confidence === null) return say("Say how sure you are.", radios[0]);
  pause();
  $("save").disabled = true;
  say("");
  const part = found.body_part[0];
  try {
    const next = await ask("api/answer", { reader, period: due.period, case: due.case, step: due.step, ...found,
      body_part: part === undefined || part === CANNOT_TELL ? null : part, attributes: found.attributes.filter((n) => n !== NONE),
      seconds: Math.min(clock.seconds, MOST_SECONDS), interruptions: clock.interruptions });
    localStorage.removeItem(draftName());
    $("save").disabled = false;
    await show(next);
  } catch (error) {
    $("save").disabled = false;
    resume();
    say(error.message);
  }
}
$("answer").addEventListener("submit", (e) => { e.preventDefault(); save(); });
document.addEventListener("keydown", (e) => {
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !$("case").hidden) { e.preventDefault(); save(); }
});

// ---------------------------------------------------------------- what is shown

function only(id) {
  for (const name of ["enter", "begin", "case", "message"]) $(name).hidden = name !== id;
  document.querySelector(`#${id} h2`).focus({ preventScroll: true });
  scrollTo(0, 0);
}
function message(title, text, failed = false) {
  document.querySelector("#message h2").textContent = title;
  document.querySelector("#message p").textContent = text;
  for (const id of ["again", "other"]) $(id).hidden = !failed;
  only("message");
}
const address = (kind) => `${kind}/${due.case}?reader=${encodeURIComponent(reader)}&step=${due.step}`;

async function show(next) {
  due = next;
  $("progress").textContent = due.state === "answer" ? `Session ${due.period} of 2 · case ${due.position} of ${due.of}` : "";
  if (due.state === "done") return message("Thank you", "You have read all cases. You may close this page.");
  if (due.state === "washout") return message("The first session is complete", `The second session opens on ${new Date(due.until).toLocaleString()}. Please come back then, with the same code.`);
  if (!started) return only("begin");
  const second = due.step === "revised", kept = draft();
  $("what").textContent = second ? "Second look" : "What do you see?";
  $("save").textContent = second ? "Save the final answer" : "Save and go on";
  $("alone").hidden = !second || due.arm === "with";
  $("evidence").hidden = !second || due.arm !== "with";
  if (due.evidence) drawEvidence();
  fill(kept?.given ?? (second ? asGiven(due.was) : null));
  Object.assign(clock, { seconds: kept?.seconds ?? 0, since: null, interruptions: kept ? kept.interruptions + 1 : 0 });
  say("");
  zoom(false);
  $("photo").alt = `Photograph of case ${due.position}`;
  only("case");
  ready = false;
  await picture("photo", "");
}
let newest = 0; // of the pictures asked for: what becomes of an earlier one says nothing

async function picture(kind, note) {
  const turn = (newest += 1);
  $("map-button").setAttribute("aria-pressed", String(kind === "map"));
  $("map-button").textContent = kind === "map" ? "Show the photograph alone" : "Show where the model looked";
  $("photo-note").textContent = note;
  $("photo").src = address(kind);
  try {
    await $("photo").decode();
    if (turn !== newest) return;
    ready = true;
    resume(); // the time starts when the photograph is there
  } catch {
    if (turn === newest) say("The photograph did not load. Load this page again.");
  }
}
function zoom(on) {
  $("photo-button").setAttribute("aria-pressed", String(on));
  $("photo-button").setAttribute("aria-label", on ? "Photograph, enlarged: show it whole" : "Photograph: enlarge it");
}
function drawEvidence() {
  $("said").replaceChildren(...Object.keys(TITLES).filter((task) => due.evidence[task]).flatMap((task) => {
    const list = make("ul");
    for (const [name, p] of due.evidence[task].slice(0, SHOWN[task])) {
      const line = make("li", pretty(name)), track = make("div", "", { class: "track" }), bar = make("div", "", { class: "fill" });
      bar.style.width = `${100 * p}%`;
      track.append(bar);
      line.append(make("span", `${(100 * p).toFixed(0)} %`), track);
      list.append(line);
    }
    return [make("h4", TITLES[task]), list];
  }));
  for (const id of ["map-button", "map-note"]) $(id).hidden = !due.has_map;
  document.querySelector("#evidence .warning").textContent = study.disclaimer;
}
$("map-button").addEventListener("click", () => {
  const on = $("map-button").getAttribute("aria-pressed") !== "true";
  picture(on ? "map" : "photo", on ? "The photograph with the model's map over it" : "");
});
$("photo-button").addEventListener("click", () => zoom($("photo-button").getAttribute("aria-pressed") !== "true"));
$("start").addEventListener("click", () => { started = true; show(due); });
$("enter").addEventListener("submit", (e) => {
  e.preventDefault();
  location.hash = $("code").value.trim().toUpperCase();
});

// ---------------------------------------------------------------- begin

async function begin() {
  try {
    study ??= await ask("api/study");
    document.title = $("title").textContent = study.title;
    reader = decodeURIComponent(location.hash.slice(1));
    if (!reader) return only("enter");
    if (!pickers.differential) buildForm();
    await show(await ask(`api/next?reader=${encodeURIComponent(reader)}`));
  } catch (error) {
    message("This does not work", error.message, true);
  }
}
$("again").addEventListener("click", begin);
$("other").addEventListener("click", () => { location.hash = ""; });
addEventListener("hashchange", () => { pause(); started = false; begin(); });
begin();
