import type { Plugin } from "vite";

/**
 * `parley-chat.js`: the script that stands in the pages of others, under a name that stays. It must also work as a script of the old kind, which shares its
 * names with all others of the page and cannot say `import.meta`: so it is a call that loads the module with the name of its content. While a server is renewed
 * the one that is asked for that may be of the other version: it is asked again.
 */
export function embedScript(): Plugin {
  return {
    name: "embed-script",
    generateBundle(_options, bundle) {
      const entry = Object.values(bundle).find((output) => output.type === "chunk" && output.isEntry);
      if (entry === undefined) throw new Error("The embedded chat has no entry.");
      // As a script of the old kind from elsewhere it has no base of its own; as a module it is no current script.
      const script = `document.currentScript ?? document.querySelector('script[src$="/parley-chat.js"]')`;
      const address = `new URL("./${entry.fileName}", (${script}).src)`;
      const source = `(async (address) => {
  for (const waitMs of [1000, 3000, 9000]) {
    try {
      return await import(address);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
  return import(address);
})(${address});
`;
      this.emitFile({ type: "asset", fileName: "parley-chat.js", source });
    },
  };
}
