import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { embedScript } from "./build/embed-script.ts";
import { precompressed } from "./build/precompressed.ts";
import { sizeLimit } from "./build/size-limit.ts";

/** What other pages embed, built into the folder of the page, after it: one script, and what that loads. */
export default defineConfig({
  plugins: [
    react(),
    embedScript(),
    precompressed(),
    sizeLimit({ what: "embedded chat, opened", maxBytes: 220 * 1024, also: ["chat-room", "markdown-blocks"] }),
  ],
  // The pages that it stands in are elsewhere: what it loads lies beside it.
  base: "./",
  publicDir: "embed",
  resolve: { conditions: ["source", "browser", "module", "development|production"] },
  build: {
    target: "es2022",
    outDir: "dist/embed",
    emptyOutDir: true,
    sourcemap: false,
    modulePreload: false,
    // The licences of what is bundled ask that they go with it.
    license: { fileName: "licenses.txt" },
    rolldownOptions: { input: { chat: "src/embed/main.ts" } },
  },
});
