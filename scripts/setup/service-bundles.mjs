import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import { root } from "./paths.mjs";

// Each service in one file, `dist/bundle/main.mjs`. Node takes longer to find and load 1,800 modules than to run what is in them: a process is there in
// 0.6 s of processor time instead of 1.6. In a process of its own, because the bundler starts another one that lives as long.

const services = ["edge", "agent-worker", "tool-worker", "model-simulator", "cluster-simulator"];

/** What finds files beside itself, or is machine code. */
const external = ["uWebSockets.js", "@napi-rs/canvas", "pdfjs-dist", "@bull-board/*"];

const toRoot = "../../../../";
/** Packages that are not modules ask for built-in ones by `require`. */
const banner = [
  'import { createRequire as __createRequire } from "node:module";',
  "const require = __createRequire(import.meta.url);",
  `const __moduleUrl = (file) => new URL("${toRoot}" + file, import.meta.url).href;`,
].join("\n");

/** A module asks where it is to find what stands beside it: it is told where it was, not where the bundle is. */
const placesOfModules = {
  name: "places of modules",
  setup({ onLoad }) {
    onLoad({ filter: /\.m?js$/ }, async ({ path: file }) => {
      const text = await readFile(file, "utf8");
      if (!text.includes("import.meta.url")) return undefined;
      const place = path.relative(root, file).split(path.sep).join("/");
      return { contents: text.replaceAll("import.meta.url", `__moduleUrl(${JSON.stringify(place)})`), loader: "js" };
    });
  },
};

function bundleOf(service) {
  return path.join(root, "services", service, "dist", "bundle", "main.mjs");
}

function newestMs(folder) {
  return Math.max(
    0,
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const place = path.join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === "bundle" ? 0 : newestMs(place);
      return entry.name.endsWith(".js") ? statSync(place).mtimeMs : 0;
    }),
  );
}

function isUpToDate(service) {
  const bundle = bundleOf(service);
  if (!existsSync(bundle)) return false;
  const libraries = ["protocol", "runtime", "bus", "dialects"].map((name) => path.join(root, "libs", name, "dist"));
  const sources = [...libraries, path.join(root, "services", service, "dist")];
  const others = [path.join(root, "package-lock.json"), import.meta.filename].map((file) => statSync(file).mtimeMs);
  return Math.max(...sources.map(newestMs), ...others) < statSync(bundle).mtimeMs;
}

/** Each at once and whole, the map first: a build that is killed in between leaves the bundle that was there, and not half of one that looks new. */
function put(files) {
  for (const { path: file, contents } of files.toSorted((one, other) => other.path.length - one.path.length)) {
    mkdirSync(path.dirname(file), { recursive: true });
    const fresh = `${file}.${process.pid}`;
    writeFileSync(fresh, contents);
    renameSync(fresh, file);
  }
}

const outdated = services.filter((name) => !isUpToDate(name));
for (const service of outdated) {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, "services", service, "dist", "main.js")],
    outfile: bundleOf(service),
    write: false,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    keepNames: true,
    external,

    sourcemap: true,
    sourcesContent: false,
    legalComments: "none",
    logLevel: "error",
    banner: { js: banner },
    plugins: [placesOfModules],
  });
  put(outputFiles);
}
if (outdated.length > 0) process.stdout.write(`${outdated.join(", ")}\n`);
