import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { precompressed } from "./build/precompressed.ts";

/** What other pages embed: one script with a name that stays, and what that loads, named by its content. Built into the folder of the page, after it. */
export default defineConfig({
  plugins: [react(), precompressed()],
  base: "./",
  publicDir: false,
  resolve: { conditions: ["source", "browser", "module", "development|production"] },
  build: {
    target: "es2022",
    outDir: "dist/embed",
    emptyOutDir: true,
    sourcemap: false,
    modulePreload: false,
    cssCodeSplit: false,
    rollupOptions: {
      input: { "parley-chat": "src/embed/parley-chat.ts" },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
});
