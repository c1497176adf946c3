import { existsSync } from "node:fs";
import path from "node:path";
import { run } from "./commands.mjs";
import { root } from "./paths.mjs";
import { fetchPrivateNode, privateNode, removePrivateNode } from "./private-node.mjs";
import { phase } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";

const LOAD_DEADLINE_MS = 15_000;
/** The line whose uWebSockets.js binary is content with the oldest glibc. */
const PRIVATE_LINE = 20;

function systemName() {
  const glibc = process.report?.getReport().header.glibcVersionRuntime;
  const libc = process.platform === "linux" ? (glibc === undefined ? " without glibc" : ` with glibc ${glibc}`) : "";
  return `${process.platform} ${process.arch}${libc}`;
}

/** Whether the edge's WebSocket server, which is a native module, loads in this Node: undefined, or what was said instead. */
async function loadProblem(node, signal) {
  const { code, output } = await run(node, ["--input-type=module", "-e", 'import "uWebSockets.js";'], {
    cwd: path.join(root, "services", "edge"),
    timeoutMs: LOAD_DEADLINE_MS,
    signal,
  });
  return code === 0
    ? undefined
    : output.trim() || `it ended without a word, or took more than ${LOAD_DEADLINE_MS / 1000} s`;
}

/** uWebSockets.js says this whenever its binary is not there or does not load. */
const isBinaryMissing = (problem) => problem.includes("This version of uWS.js supports only");

function otherProblem(problem) {
  const line = problem.split("\n").find((each) => /Error|without a word/.test(each)) ?? problem.split("\n").at(-1);
  return new SetupError(
    `uWebSockets.js does not load (${line.trim()}): remove node_modules and run the command again.`,
  );
}

/** Its binaries for Node 22 and 24 want a newer glibc than those for Node 20. */
function wayOut(problem) {
  const newer = /GLIBC_([\d.]+)' not found/.exec(problem);
  if (newer === null) return "use Node 20, 22 or 24 on Linux with glibc (not Alpine), macOS or WSL";
  return `it needs glibc ${newer[1]}; use Node 20 here, or a newer system (Debian 13, Ubuntu 24.04)`;
}

async function bring(node, { note, signal, why }) {
  note(`fetching Node ${node.version} from npm`);
  removePrivateNode(node);
  const problem = await fetchPrivateNode(node, { signal });
  if (problem === undefined) return;
  throw new SetupError(
    `${why}, and a Node ${node.version} that has one could not be fetched from npm (${problem}): ` +
      "try again when npm can be reached, or use Node 20.",
  );
}

async function usePrivateNode(node, { note, signal, why }) {
  const isHere = existsSync(node.program);
  if (!isHere) await bring(node, { note, signal, why });
  let problem = await loadProblem(node.program, signal);
  if (problem !== undefined && isHere) {
    await bring(node, { note, signal, why });
    problem = await loadProblem(node.program, signal);
  }
  if (problem !== undefined) throw new SetupError(`${why}, nor for Node ${node.version}: ${wayOut(problem)}.`);
}

/**
 * The Node that runs the edge and all that is started with it, as a path: this one, or, where uWebSockets.js has no binary
 * that this one can load, a private one that is brought from npm. To be called with the set-up lock.
 */
export async function findNodeForUws({ signal }) {
  const problem = await loadProblem(process.execPath, signal);
  if (problem === undefined) return process.execPath;
  if (!isBinaryMissing(problem)) throw otherProblem(problem);
  const why = `uWebSockets.js has no binary for Node ${process.versions.node} on this system (${systemName()})`;
  const node = privateNode(PRIVATE_LINE);
  if (node === undefined) throw new SetupError(`${why}: ${wayOut(problem)}.`);
  return phase("Node", async (note) => {
    await usePrivateNode(node, { note, signal, why });
    return { text: `${node.version} in .tools runs all processes: ${why}`, value: node.program };
  });
}
