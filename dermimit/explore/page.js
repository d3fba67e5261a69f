// Shows the explorer in every <div class="dermimit-explorer" data-assets="folder/"> of a static page: no kernel behind it.
for (const el of document.querySelectorAll(".dermimit-explorer")) {
  const values = { assets_url: el.dataset.assets || "./", case: Number(el.dataset.case || 0), answer: null };
  el.model = { get: (name) => values[name], set: (name, value) => { values[name] = value; }, save_changes() {}, on() {}, send() {} };
  el.replaceChildren();
  globalThis.dermimitExplorer.render({ model: el.model, el });
}
