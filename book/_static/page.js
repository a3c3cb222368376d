// What the theme leaves out: code, tables and formulas that are wider than their
// place can be scrolled from the keyboard, paper is white and shows what is
// folded, and the offline copy searches without summaries.

if (location.protocol === "file:") {
  // A page opened from a folder may not read the text of the others.
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  }
});
document
  .querySelectorAll(
    "article :is(div.math, pre, dt.sig, .pst-scrollable-table-container)",
  )
  .forEach((box) => boxes.observe(box));

const root = document.documentElement;
let theme;
let folds = [];
addEventListener("beforeprint", () => {
  theme = root.dataset.theme;
  root.dataset.theme = "light";
  folds = [...document.querySelectorAll("article details:not([open])")];
  folds.forEach((fold) => (fold.open = true));
});
addEventListener("afterprint", () => {
  root.dataset.theme = theme;
  folds.forEach((fold) => (fold.open = false));
});
