import path from "node:path";
import { run } from "./commands.mjs";
import { root } from "./paths.mjs";
import { SetupError } from "./setup-error.mjs";

const LOAD_DEADLINE_MS = 15_000;

function systemName() {
  const glibc = process.report?.getReport().header.glibcVersionRuntime;
  const libc = process.platform === "linux" ? (glibc === undefined ? " without glibc" : ` with glibc ${glibc}`) : "";
  return `${process.platform} ${process.arch}${libc}`;
}

/** The edge's WebSocket server is a native module: finds out, in a process of its own, whether it loads here. */
export async function checkUwsBinary({ signal }) {
  const { code, output } = await run(process.execPath, ["--input-type=module", "-e", 'import "uWebSockets.js";'], {
    cwd: path.join(root, "services", "edge"),
    timeoutMs: LOAD_DEADLINE_MS,
    signal,
  });
  if (code === 0) return;
  throw new SetupError(
    `uWebSockets.js has no binary for Node ${process.versions.node} on this system (${systemName()}): ${wayOut(output)}.`,
  );
}

/** Its binaries for Node 22 and 24 want a newer glibc than those for Node 20. */
function wayOut(output) {
  const newer = /GLIBC_([\d.]+)' not found/.exec(output);
  if (newer === null) return "use Node 20, 22 or 24 on Linux with glibc (not Alpine), macOS or WSL";
  return `it needs glibc ${newer[1]}; use Node 20 here, or a newer system (Debian 13, Ubuntu 24.04)`;
}
