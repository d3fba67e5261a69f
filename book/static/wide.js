// A table or a formula that is wider than the page fades out at the right until it has been scrolled to its end.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const look = ({ target }) => target.classList.toggle("goes-on", target.scrollLeft + target.clientWidth < target.scrollWidth - 4);
  const sizes = new ResizeObserver((entries) => entries.forEach(look));
  const watch = () => {
    for (const wide of document.querySelectorAll(".pst-scrollable-table-container, .cell_output .text_html, mjx-container[display='true']")) {
      wide.addEventListener("scroll", () => look({ target: wide }), { passive: true });
      sizes.observe(wide);
    }
  };
  watch();
  window.MathJax?.startup?.promise?.then(watch); // formulas come later
});
