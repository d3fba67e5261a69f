// How the explorer gets its files, and who predicts: the model in the browser, or the kernel of a notebook.

const FILES = { "runtime.mjs": "runtime", "runtime.wasm": "runtime", "model.onnx": "model", "facts.json": "model", "cases.json": "cases" };
const HALF = [0.5, 0.5, 0.5];

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

/** ONNX Runtime on one thread, which needs no special headers; the function it returns predicts for pixels and choices. */
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
  const nothing = new Float32Array(facts.num_patches).fill(NaN);
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
      override_scores: new ort.Tensor("float32", choice.scores ? Float32Array.from(choice.scores) : nothing, [1, facts.num_patches]),
    });
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, Array.from(tensor.data, Number)]));
  }
  return { facts, answer };
}

/** The kernel predicts instead: any run of torch, with maps of it on demand. */
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
