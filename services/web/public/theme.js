// Before the first paint: the theme that this person has chosen, so that nothing flashes. From then on src/app/app.tsx sees to it.
try {
  const { theme } = JSON.parse(localStorage.getItem("parley.settings") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Nothing is kept, or nothing that is understood: the system's theme holds.
}
