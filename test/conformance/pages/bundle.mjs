import path from "node:path";
import { build } from "vite";

// Prints a page of this folder with all its packages as one script. In a process of its own, in production: what Vite makes of a page goes by the environment of its
// process, which it changes, and within a test it would make one for development.
const { entry, alias } = JSON.parse(process.argv[2]);
const folder = import.meta.dirname;

const built = await build({
  root: folder,
  configFile: false,
  mode: "production",
  logLevel: "error",
  resolve: { alias },
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    write: false,
    minify: false,
    lib: { entry: path.join(folder, entry), formats: ["es"], fileName: "page" },
    rolldownOptions: { output: { codeSplitting: false } },
  },
});
const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : []));
process.stdout.write(outputs.find(({ type }) => type === "chunk")?.code ?? "");
