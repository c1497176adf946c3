import { closeSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import path from "node:path";

const MAX_BYTES = 20 * 1024 * 1024;

/** A log file that starts anew at each run and is moved to `<file>.1` when it has grown to 20 MiB. */
export function createLogFile(file) {
  mkdirSync(path.dirname(file), { recursive: true });
  let descriptor = openSync(file, "w");
  let bytes = 0;
  return {
    file,
    write(line) {
      bytes += writeSync(descriptor, `${line}\n`);
      if (bytes < MAX_BYTES) return;
      closeSync(descriptor);
      renameSync(file, `${file}.1`);
      descriptor = openSync(file, "w");
      bytes = 0;
    },
    close: () => closeSync(descriptor),
  };
}
