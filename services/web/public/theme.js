// Before the first paint: the theme that this person has chosen, so that nothing flashes. From then on src/app/app.tsx sees to it.
try {
  const [, theme] = /"theme":"(light|dark)"/.exec(localStorage.getItem("parley.settings") ?? "") ?? [];
  if (theme !== undefined) document.documentElement.dataset.theme = theme;
} catch {
  // The browser keeps nothing for this page: the system's theme holds.
}
