import path from "node:path";
import { build } from "vite";
import { root } from "./paths.mjs";

// What a page loads without a bundler: each of the client's entries with all that it needs in one file. Part of every build, because `npm pack` runs no
// scripts here (.npmrc); in a process of its own, because Vite changes the environment of the one that it builds in.

const client = path.join(root, "libs", "client");
const entries = {
  "parley-client": "src/index.ts",
  "parley-client-indexed-db": "src/indexed-db.ts",
  "parley-client-queue": "src/queue.ts",
  "parley-client-rooms": "src/rooms/index.ts",
};

for (const [name, entry] of Object.entries(entries)) {
  await build({
    configFile: false,
    logLevel: "warn",
    resolve: { conditions: ["source"] },
    build: {
      outDir: path.join(client, "dist"),
      emptyOutDir: false,
      rolldownOptions: { output: { minify: true, comments: false } },
      target: "es2023",
      lib: { entry: path.join(client, entry), formats: ["es"], fileName: () => `${name}.js` },
    },
  });
}
