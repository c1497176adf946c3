/* What a page does with the element: it says who its visitor is, listens, and sets how it looks. */
const chat = document.querySelector("parley-chat");
const form = document.querySelector("#look");
const told = document.querySelector("#told");
/** The last one, while it lasts: connections ask again and again. */
let kept;

/** A page of yours asks its own server, which knows its visitor. This one is for development, and its server gives a token to whoever asks. */
chat.getToken = async () => {
  if (kept !== undefined && kept.expires_at - Date.now() > 90_000) return kept.token;
  const response = await fetch("/api/v1/auth/dev-token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub: "dev-visitor", name: "Visitor" }),
  });
  if (!response.ok) throw new Error(`No token: the server answered ${response.status}.`);
  kept = await response.json();
  return kept.token;
};

for (const name of ["parley-open", "parley-close", "parley-message"]) {
  chat.addEventListener(name, ({ detail }) => {
    const line = document.createElement("li");
    line.textContent = detail === null ? name : `${name}: ${JSON.stringify(detail)}`;
    told.prepend(line);
    while (told.children.length > 8) told.lastElementChild.remove();
  });
}

form.addEventListener("input", () => {
  const { theme, language, accent } = Object.fromEntries(new FormData(form));
  for (const [name, value] of [
    ["theme", theme],
    ["language", language],
  ]) {
    if (value === "") chat.removeAttribute(name);
    else chat.setAttribute(name, value);
  }
  chat.style.setProperty("--parley-color-accent", accent);
});
form.elements.namedItem("toggle").addEventListener("click", () => chat.toggleAttribute("open"));
form.addEventListener("submit", (event) => event.preventDefault());
