// What all widgets share: looks in light and dark, and how elements are made. Python puts this text before each widget's own.

const ROMAN = ["", "I", "II", "III", "IV", "V", "VI"];
const NOTICE = "Research tool, not a medical device: do not use it to diagnose or to treat anyone.";

const STYLE = `
.dermimit { --d-ink: #1f2328; --d-quiet: #545c66; --d-ground: #ffffff; --d-panel: #f5f7f9; --d-line: #c3cad2; --d-track: #e2e7ec; --d-bar: #22689c;
  --d-was: #b3261e; color: var(--d-ink); background: var(--d-ground); font: inherit; line-height: 1.4; container-type: inline-size; padding: 0.5rem; border-radius: 0.4rem; }
@media (prefers-color-scheme: dark) { html:not([data-theme="light"]) body:not([data-jp-theme-light="true"], .vscode-light) .dermimit { --d-ink: #e6e8ea; --d-quiet: #aab3bc; --d-ground: #14181e; --d-panel: #1e242b;
  --d-line: #48525d; --d-track: #323b45; --d-bar: #5aa9e6; --d-was: #ff9c8f; color-scheme: dark; } }
html[data-theme="dark"] .dermimit, body.vscode-dark .dermimit, body[data-jp-theme-light="false"] .dermimit { --d-ink: #e6e8ea; --d-quiet: #aab3bc; --d-ground: #14181e; --d-panel: #1e242b;
  --d-line: #48525d; --d-track: #323b45; --d-bar: #5aa9e6; --d-was: #ff9c8f; color-scheme: dark; }
.dermimit *, .dermimit *::before { box-sizing: border-box; }
.dermimit .columns { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 38rem) { .dermimit .columns { grid-template-columns: minmax(0, 18rem) minmax(0, 1fr); }
  .dermimit .columns > :first-child { position: sticky; top: 0.5rem; align-self: start; } }
.dermimit fieldset { border: 1px solid var(--d-line); border-radius: 0.4rem; background: var(--d-panel); margin: 0 0 0.8rem; padding: 0.5rem 0.7rem; min-width: 0; }
.dermimit legend { font-weight: 600; padding: 0 0.3rem; font-size: 1rem; width: auto; float: none; margin: 0; }
.dermimit label { display: block; margin: 0.25rem 0; }
.dermimit label.inline { display: inline-block; margin-right: 1rem; }
.dermimit select, .dermimit button, .dermimit input { font: inherit; color: inherit; max-width: 100%; }
.dermimit select, .dermimit button { background: var(--d-ground); border: 1px solid var(--d-line); border-radius: 0.3rem; padding: 0.2rem 0.5rem; min-height: 2rem; }
.dermimit input[type="range"] { width: 100%; accent-color: var(--d-bar); }
.dermimit :focus-visible { outline: 3px solid var(--d-bar); outline-offset: 2px; }
.dermimit p { margin: 0.3rem 0; }
.dermimit [hidden] { display: none !important; }
.dermimit .quiet { color: var(--d-quiet); font-size: 0.88em; }
.dermimit .scroll { max-height: 20rem; overflow-y: auto; padding-right: 0.4rem; }
.dermimit .scroll select { min-height: 1.6rem; padding: 0 0.2rem; font-size: 0.85em; margin-left: 0.5rem; }
/* Pages and notebooks have rules of their own for tables and pictures in outputs, hence "important". */
.dermimit table { border-collapse: collapse; width: 100% !important; font-size: 0.9em; font-variant-numeric: tabular-nums; margin: 0 !important; display: table; }
.dermimit caption { text-align: left; caption-side: top; padding: 0 0 0.3rem; color: inherit; font: inherit; }
.dermimit :is(th, td) { text-align: left !important; padding: 0.2rem 0.4rem !important; border-bottom: 1px solid var(--d-line); color: inherit; background: none; }
.dermimit thead th { position: sticky; top: 0; background: var(--d-panel) !important; z-index: 1; vertical-align: bottom !important; }
.dermimit .hidden-text { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.dermimit .notice { border-left: 4px solid var(--d-was); padding-left: 0.6rem; }
`;

/** An element with properties, attributes (aria-*, data-*, ...) and children. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) name in element ? (element[name] = value) : element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const percent = (p) => `${(100 * p).toFixed(1)}\u00a0%`;
const words = (name) => name.replaceAll("_", " ");

/** The same for SVG, whose elements take attributes only. */
function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** What a widget is not for; a page that says so itself shows it without. */
const noticeFor = (model, usual = true) => (model.get("notice") ?? usual ? [h("p", { className: "notice" }, NOTICE)] : []);

/** What is shown now, for the kernel, or for whoever holds the model of a static page. */
function publish(model, shown) {
  model.set("shown", shown);
  model.save_changes();
}

/** Places of the largest values, the largest first. */
const ranked = (values, count) => values.map((_, i) => i).sort((a, b) => values[b] - values[a]).slice(0, count);

const option = (value, text) => h("option", { value }, text);
const on = (element, event, action) => element.addEventListener(event, action);
