import path from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** All that this checkout keeps between runs: broker data, logs, the development secret, what runs right now.
 * PARLEY_DATA_DIR moves it elsewhere. */
export const dataDir = path.resolve(root, process.env.PARLEY_DATA_DIR ?? ".data");

export const logsDir = path.join(dataDir, "logs");

export function tool(...parts) {
  return path.join(root, "node_modules", ...parts);
}
