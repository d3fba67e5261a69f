// A click on a figure shows it at a width at which its text can be read on a telephone; Escape or Close ends that.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.setAttribute("aria-label", "Enlarged figure");
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  const stage = document.createElement("div");
  stage.tabIndex = 0; // so that the arrow keys scroll it
  dialog.append(close, stage);
  document.body.append(dialog);
  close.addEventListener("click", () => dialog.close());
  stage.addEventListener("click", () => dialog.close());
  for (const image of document.querySelectorAll(".bd-article :is(figure img, img.cover, .cell_output .output img)")) {
    if (image.closest("a, button, ul.photos, [class*='dermimit-']")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.title = "Enlarge";
    if (!image.alt) button.setAttribute("aria-label", "Enlarge the figure");
    image.replaceWith(button);
    button.append(image);
    button.addEventListener("click", () => {
      stage.replaceChildren(image.cloneNode());
      dialog.showModal();
      stage.scrollTo(0, 0);
    });
  }
});
