// While a server is renewed, one process may send the page and another one, of the other version, be asked for the files that it names. A page that cannot begin
// for that is loaded again a moment later, a few times; src/main.tsx forgets the count when all was there.
const key = "parley.again";
const waitsMs = [500, 1_000, 2_000, 4_000, 8_000];

addEventListener(
  "error",
  ({ target }) => {
    const isNeeded =
      target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel !== "icon");
    const { dataset } = document.documentElement;
    // What a page lacks that has begun is told in its place.
    if (!isNeeded || dataset.again !== undefined || document.getElementById("root")?.hasChildNodes() === true) return;
    try {
      const tries = Number(sessionStorage.getItem(key)) || 0;
      if (tries >= waitsMs.length) return;
      sessionStorage.setItem(key, String(tries + 1));
      dataset.again = "";
      setTimeout(() => location.reload(), waitsMs[tries]);
    } catch {
      // Nobody can count: a person has to load it again.
    }
  },
  // Such errors do not bubble.
  true,
);
