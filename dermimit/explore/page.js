// Shows the explorer in every <div class="dermimit-explorer" data-assets="folder/"> of a static page: no kernel behind it.
// data-case: place of the first case; data-mini: the small one, in which what stands in the place stays until it is there;
// data-notice="no": the page itself says what it is not for; data-explore: the page that the small one points to.
for (const el of document.querySelectorAll(".dermimit-explorer")) {
  if (el.model) continue; // a page with two of them has this script twice
  const { assets = "./", mini, notice, explore } = el.dataset;
  const values = { assets_url: assets, case: el.dataset.case ? Number(el.dataset.case) : undefined, mini: mini === "true", explore, answer: null };
  if (notice) values.notice = notice !== "no";
  el.model = { get: (name) => values[name], set: (name, value) => { values[name] = value; }, save_changes() {}, on() {}, send() {} };
  const show = () => globalThis.dermimitExplorer.render({ model: el.model, el });
  const panel = el.closest("[role=tabpanel]");
  if (panel?.hidden) panel.addEventListener("dermimit-shown", show, { once: true });
  else show();
}
