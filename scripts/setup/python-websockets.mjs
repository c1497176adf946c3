import { run } from "./commands.mjs";
import { phase } from "./progress.mjs";
import { canInstall, installPackages } from "./system-packages.mjs";

const CHECK_DEADLINE_MS = 10_000;

async function hasWebsockets(signal) {
  for (const python of ["/usr/bin/python3", "python3"]) {
    const check = run(python, ["-c", "import websockets"], { timeoutMs: CHECK_DEADLINE_MS, signal });
    if ((await check.catch(() => ({ code: 1 }))).code === 0) return true;
  }
  return false;
}

/** One client of a seed is a Python script. Where its library cannot be had, its tests are skipped and say so. */
export async function offerPythonWebsockets({ signal }) {
  await phase("Python client", async (note) => {
    if (await hasWebsockets(signal)) return { text: "python3 has websockets" };
    if (!canInstall()) return { text: "no python3 with websockets: its tests are skipped" };
    await installPackages(["python3-websockets"], { note, signal });
    return { text: "installed python3-websockets" };
  });
}
