import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { run } from "./commands.mjs";
import { root, tool } from "./paths.mjs";
import { phase } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";

const BUILD_DEADLINE_MS = 5 * 60_000;
const SHOWN_LINES = 30;

const webDir = path.join(root, "services", "web");

function newestChangeMs(entry) {
  if (!existsSync(entry)) return 0;
  const stats = statSync(entry);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(entry).map((name) => newestChangeMs(path.join(entry, name))));
}

function isWebBuilt() {
  const page = path.join(webDir, "dist", "index.html");
  const sources = ["src", "public", "index.html", "vite.config.ts", "package.json"].map((name) =>
    path.join(webDir, name),
  );
  const libraries = ["protocol", "client", "react"].map((name) => path.join(root, "libs", name, "src"));
  return existsSync(page) && statSync(page).mtimeMs >= Math.max(...[...sources, ...libraries].map(newestChangeMs));
}

async function runBuilder(name, args, { cwd, signal }) {
  const { code, output } = await run(process.execPath, args, { cwd, timeoutMs: BUILD_DEADLINE_MS, signal });
  if (code === 0) return output;
  const shown = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
  throw new SetupError(`The build (${name}) failed: put this right and run the command again.\n${shown}`);
}

/** Builds what changed: libraries and services with `tsc -b`, the web app with Vite. */
export async function build({ signal }) {
  await phase("build", async () => {
    const output = await runBuilder("tsc -b", [tool("typescript", "bin", "tsc"), "-b", "--verbose"], {
      cwd: root,
      signal,
    });
    return { text: output.includes("Building project") ? "built" : "up to date" };
  });
  if (!existsSync(path.join(webDir, "vite.config.ts"))) return;
  await phase("web app", async (note) => {
    if (isWebBuilt()) return { text: "up to date" };
    note("building with Vite");
    await runBuilder("vite build", [tool("vite", "bin", "vite.js"), "build"], { cwd: webDir, signal });
    return { text: "built" };
  });
}
