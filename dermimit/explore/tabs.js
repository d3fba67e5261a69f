// Turns sections of a page into tabs: <div class="dermimit-tabs" data-tabs="try compare"> names anchors in them.
// Without this script the sections stand below each other. #try opens a tab, #try?case=3 too; so does any anchor within it.
(() => {
  const place = document.querySelector(".dermimit-tabs");
  if (!place || place.firstElementChild) return;
  const panels = place.dataset.tabs.split(" ").map((name) => ({ name, section: document.getElementById(name)?.closest("section") })).filter(({ section }) => section);
  const tabs = panels.map(({ name, section }) => {
    document.getElementById(name).classList.add("dermimit-anchor");
    const heading = section.querySelector("h2"), tab = document.createElement("button");
    tab.append([...heading.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent).join("").trim());
    Object.assign(tab, { type: "button", id: `tab-${name}` });
    for (const [key, value] of [["role", "tab"], ["aria-controls", section.id]]) tab.setAttribute(key, value);
    for (const [key, value] of [["role", "tabpanel"], ["aria-labelledby", tab.id]]) section.setAttribute(key, value);
    heading.classList.add("visually-hidden");
    return tab;
  });
  place.setAttribute("role", "tablist");
  place.append(...tabs);
  document.documentElement.classList.add("dermimit-live");
  const foot = document.querySelector("p.page-footer")?.closest(".cell"); // of the page, and not of its last section
  if (foot) panels.at(-1).section.after(foot);

  function show(number) {
    panels.forEach(({ section }, i) => {
      const was = section.hidden;
      section.hidden = i !== number;
      tabs[i].setAttribute("aria-selected", i === number);
      tabs[i].tabIndex = i === number ? 0 : -1;
      if (was && i === number) section.dispatchEvent(new Event("dermimit-shown"));
    });
  }

  /** The tab that the page's address names, by itself or by an anchor in it. */
  function named() {
    let fragment = location.hash.slice(1);
    try { fragment = decodeURIComponent(fragment); } catch { /* a % that encodes nothing */ }
    const [name] = fragment.split("?"), found = name && document.getElementById(name);
    return found ? panels.findIndex(({ section }) => section.contains(found)) : -1;
  }

  function open(number, focus) {
    show(number);
    if (focus) tabs[number].focus();
    history.replaceState(history.state, "", `#${panels[number].name}`);
  }

  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => open(i, false));
    tab.addEventListener("keydown", (event) => {
      const next = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      open((next + tabs.length) % tabs.length, true);
    });
  });
  show(Math.max(0, named()));
  addEventListener("hashchange", () => { if (named() >= 0) show(named()); });
})();
