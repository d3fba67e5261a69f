// What a reader does to a case: which patches are read, what is covered, and the same as a fragment of the page's address.

const PATCHES = { attention: "attention", random: "random", centre: "centre", all: "all" };

/** Numbers in [0, 1) that a seed fixes (mulberry32). */
function randomNumbers(seed) {
  let state = (seed * 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Scores by which the patches are ranked, row by row; null where the attention ranks them. */
function patchScores({ patches, draw }, [rows, columns]) {
  const places = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns) - (rows - 1) / 2, (i % columns) - (columns - 1) / 2]);
  if (patches === "random") return places.map(randomNumbers(draw));
  if (patches === "centre") return places.map(([y, x]) => -Math.hypot(y, x));
  return null;
}

/** What the model is asked with. */
const question = (choice, grid) => ({ k: choice.k, lsm: choice.patches !== "all", cim: choice.cim, attributes: choice.attributes,
  body_part: choice.body_part, scores: patchScores(choice, grid) });

// ---------------------------------------------------------------- covering

/** A mask of size × size from base64, eight pixels a byte. */
function unpackMask(text, size) {
  const bytes = atob(text);
  return Uint8Array.from({ length: size * size }, (_, i) => (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1);
}

/** The mask with every pixel whose neighbourhood of this reach touches it. */
function grown(mask, size, reach) {
  return mask.map((_, i) => {
    const x0 = i % size, y0 = (i - x0) / size;
    for (let y = Math.max(0, y0 - reach); y <= Math.min(size - 1, y0 + reach); y++)
      for (let x = Math.max(0, x0 - reach); x <= Math.min(size - 1, x0 + reach); x++) if (mask[y * size + x]) return 1;
    return 0;
  });
}

/** Which pixels are covered, and in which colour: a rectangle in the mean colour, the lesion in that of its surroundings; or null. */
function covering(pixels, cover, lesion, size) {
  if (!cover) return null;
  const mask = cover === "lesion" ? grown(lesion, size, 1) : Uint8Array.from({ length: size * size }, (_, i) => {
    const x = i % size, y = (i - x) / size;
    return x >= cover.x && x < cover.x + cover.w && y >= cover.y && y < cover.y + cover.h;
  });
  const near = cover === "lesion" ? grown(mask, size, 3) : null;
  let around = mask.map((m, i) => (near ? near[i] && !m : 1));
  if (!around.some(Boolean)) around = mask.map(() => 1); // a lesion that fills the picture
  const sum = [0, 0, 0];
  let count = 0;
  around.forEach((yes, i) => { if (yes) { count += 1; for (let c = 0; c < 3; c++) sum[c] += pixels[4 * i + c]; } });
  return { mask, colour: sum.map((s) => Math.round(s / count)) };
}

/** The pixels as the model sees them. */
function painted(pixels, covered) {
  if (!covered) return pixels;
  const out = pixels.slice();
  covered.mask.forEach((yes, i) => { if (yes) for (let c = 0; c < 3; c++) out[4 * i + c] = covered.colour[c]; });
  return out;
}

/** Mean share of the patches that is lesion. */
function onLesion(patches, lesion, [rows, columns], size) {
  const high = size / rows, wide = size / columns;
  let inside = 0;
  lesion.forEach((yes, i) => {
    const x = i % size, y = (i - x) / size;
    if (yes && patches.includes(Math.floor(y / high) * columns + Math.floor(x / wide))) inside += 1;
  });
  return inside / (patches.length * high * wide);
}

// ---------------------------------------------------------------- the page's address

/** A name in the address, where `&`, `=` and dots part what stands there. */
const encoded = (name) => encodeURIComponent(name).replaceAll(".", "%2E");

/** What was encoded, with a plus for a space; what is not well encoded stays as it is. */
function decoded(text) {
  const spaced = text.replaceAll("+", " ");
  try { return decodeURIComponent(spaced); } catch { return spaced; }
}

/** `#try?case=3&patches=random`: what differs from the start of the case; parts in a list are joined by dots. */
function toFragment({ number, skin, choice, usual, looks }) {
  const parts = [`case=${number + 1}`], { cover } = choice, set = (value) => Object.keys(choice.attributes).filter((a) => choice.attributes[a] === value);
  if (skin) parts.push(`skin=${skin}`);
  if (choice.patches !== usual.patches) parts.push(`patches=${choice.patches}`);
  if (choice.patches === "random" && choice.draw !== usual.draw) parts.push(`draw=${choice.draw}`);
  if (choice.k !== usual.k) parts.push(`k=${choice.k}`);
  if (!choice.cim) parts.push("cim=0");
  if (cover) parts.push(`cover=${cover === "lesion" ? cover : [cover.x, cover.y, cover.w, cover.h].join(".")}`);
  for (const part of Object.keys(choice.body_part)) parts.push(`body_part=${encoded(part)}`);
  for (const [name, value] of [["with", 1], ["without", 0]]) if (set(value).length) parts.push(`${name}=${set(value).map(encoded).join(".")}`);
  if (looks === "model") parts.push("view=model");
  return `#try?${parts.join("&")}`;
}

/** What a fragment sets; what it does not name, or names wrongly, is as it was at the start. */
function fromFragment(hash, { cases, facts, usual, size }) {
  const found = /^#try\?(.*)$/.exec(hash);
  if (!found) return null;
  const parts = found[1].split("&").map((part) => part.split("=")).reverse(); // of two with one name the first counts
  const given = new Map(parts.map(([name, ...value]) => [name, value.join("=")]));
  const choice = usual(), list = (name) => (given.get(name) ?? "").split(".").filter(Boolean).map(decoded);
  const whole = (name, least, most) => { const n = Number(given.get(name)); return Number.isInteger(n) && n >= least && n <= most ? n : null; };
  const number = (whole("case", 1, cases.length) ?? 1) - 1, { photos, lesion } = cases[number];
  if (Object.hasOwn(PATCHES, given.get("patches"))) choice.patches = given.get("patches");
  choice.draw = whole("draw", 1, 1e6) ?? choice.draw;
  choice.k = whole("k", 1, facts.num_patches) ?? choice.k;
  choice.cim = given.get("cim") !== "0";
  const [x, y, w, h_] = list("cover").map(Number), inside = [x, y, w, h_].every(Number.isInteger) && x >= 0 && y >= 0 && w > 0 && h_ > 0 && x + w <= size && y + h_ <= size;
  if (given.get("cover") === "lesion" && lesion) choice.cover = "lesion";
  else if (inside) choice.cover = { x, y, w, h: h_ };
  for (const part of list("body_part")) if ((facts.classes.body_part ?? []).includes(part)) choice.body_part = { [part]: 1 };
  for (const [name, value] of [["with", 1], ["without", 0]]) for (const a of list(name)) if ((facts.classes.attributes ?? []).includes(a)) choice.attributes[a] = value;
  const skin = Object.hasOwn(photos, given.get("skin")) ? Number(given.get("skin")) : null;
  return { number, skin, choice, looks: given.get("view") === "model" ? "model" : "eye" };
}
