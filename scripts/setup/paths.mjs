import path from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** All that this checkout keeps between runs: broker data, logs, the development secret, what runs right now.
 * PARLEY_DATA_DIR moves it elsewhere. */
export const dataDir = path.resolve(root, process.env.PARLEY_DATA_DIR ?? ".data");

export const logsDir = path.join(dataDir, "logs");

/** Where `npm start` has its processes write traces; the file before it is beside it, with ".1" at its end. */
export const tracesFile = path.join(dataDir, "traces", "traces.jsonl");

/** Where the demonstration's tools write that change something. */
export const demoFile = path.join(dataDir, "demo-counter");

export function tool(...parts) {
  return path.join(root, "node_modules", ...parts);
}
