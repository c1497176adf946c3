import type { Plugin } from "vite";

/**
 * `parley-chat.js`: the script that stands in the pages of others, under a name that stays. It must also work as a script of the old kind, which shares its
 * names with all others of the page and cannot say `import.meta`: so it is a call that loads the module with the name of its content.
 */
export function embedScript(): Plugin {
  return {
    name: "embed-script",
    generateBundle(_options, bundle) {
      const entry = Object.values(bundle).find((output) => output.type === "chunk" && output.isEntry);
      if (entry === undefined) throw new Error("The embedded chat has no entry.");
      // As a script of the old kind from elsewhere it has no base of its own; as a module it is no current script.
      const script = `document.currentScript ?? document.querySelector('script[src$="/parley-chat.js"]')`;
      const source = `import(new URL("./${entry.fileName}", (${script}).src));\n`;
      this.emitFile({ type: "asset", fileName: "parley-chat.js", source });
    },
  };
}
