import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { precompressed } from "./build/precompressed.ts";
import { sizeLimit } from "./build/size-limit.ts";

export default defineConfig({
  plugins: [react(), precompressed(), sizeLimit({ what: "first load", maxBytes: 200 * 1024 })],
  // The sources of our own libraries: no build of theirs stands between an edit and the page.
  resolve: { conditions: ["source", "browser", "module", "development|production"] },
  build: { target: "es2022", sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
