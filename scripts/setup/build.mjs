import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "./commands.mjs";
import { root, tool } from "./paths.mjs";
import { phase } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";

const BUILD_DEADLINE_MS = 5 * 60_000;
const SHOWN_LINES = 30;

const webDir = path.join(root, "services", "web");
/** Written last, with the time at which the build began: what was cut off, or changed meanwhile, is built again. */
const stamp = path.join(webDir, "dist", ".built");
const clientBundler = path.join(import.meta.dirname, "client-bundle.mjs");
const serviceBundler = path.join(import.meta.dirname, "service-bundles.mjs");
const clientBundle = path.join(root, "libs", "client", "dist", "parley-client.js");

/** Also of folders themselves: a file that is gone changed nothing else. */
function newestChangeMs(entry) {
  const stats = statSync(entry, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  const below = readdirSync(entry).map((name) => newestChangeMs(path.join(entry, name)));
  return Math.max(stats.mtimeMs, ...below);
}

function isWebBuilt() {
  if (!existsSync(stamp) || !existsSync(clientBundle)) return false;
  // Its own folder has what no build is made of: `dist`, `test`, caches.
  const notSources = new Set(["dist", "test", "node_modules"]);
  const own = readdirSync(webDir).filter((name) => !notSources.has(name));
  const sources = own.map((name) => path.join(webDir, name));
  const libraries = ["protocol", "client", "react"].flatMap((name) =>
    ["src", "package.json"].map((part) => path.join(root, "libs", name, part)),
  );
  const others = [path.join(root, "package-lock.json"), clientBundler];
  const newestMs = Math.max(...[...sources, ...libraries, ...others].map(newestChangeMs));
  return newestMs < Number(readFileSync(stamp, "utf8"));
}

async function runBuilder(name, args, { cwd, signal }) {
  const { code, output } = await run(process.execPath, args, { cwd, timeoutMs: BUILD_DEADLINE_MS, signal });
  if (code === 0) return output;
  const shown = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
  throw new SetupError(`The build (${name}) failed: put this right and run the command again.\n${shown}`);
}

/** The page, then into its folder what other pages embed, and the client library in one file. */
async function buildWeb({ signal }) {
  const startedMs = Date.now();
  rmSync(stamp, { force: true });
  const vite = [tool("vite", "bin", "vite.js"), "build"];
  await runBuilder("vite build", vite, { cwd: webDir, signal });
  await runBuilder("vite build of the embedded chat", [...vite, "--config", "vite.embed.config.ts"], {
    cwd: webDir,
    signal,
  });
  await runBuilder("the client in one file", [clientBundler], { cwd: root, signal });
  writeFileSync(stamp, String(startedMs));
}

/** Builds what changed: libraries and services with `tsc -b`, each service in one file, the chat page and the embedded chat with Vite. */
export async function build({ signal }) {
  await phase("build", async () => {
    const output = await runBuilder("tsc -b", [tool("typescript", "bin", "tsc"), "-b", "--verbose"], {
      cwd: root,
      signal,
    });
    return { text: output.includes("Building project") ? "built" : "up to date" };
  });
  await phase("services", async () => {
    const bundled = await runBuilder("each service in one file", [serviceBundler], { cwd: root, signal });
    return { text: bundled.trim() === "" ? "up to date" : `in one file each: ${bundled.trim()}` };
  });
  await phase("chat page", async (note) => {
    if (isWebBuilt()) return { text: "up to date" };
    note("building with Vite");
    await buildWeb({ signal });
    return { text: "built" };
  });
}
