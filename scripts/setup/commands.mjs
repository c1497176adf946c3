import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { StoppedError } from "./setup-error.mjs";

const MAX_KEPT_BYTES = 1024 * 1024;

// Where package managers put servers although a plain user's PATH does not name it (Debian: /usr/sbin).
const MORE_FOLDERS = ["/usr/local/bin", "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin", "/snap/bin"];

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first of these programs (names or whole paths) that is installed, as a path. */
export function findProgram(names) {
  const folders = [
    ...(process.env.PATH ?? "").split(path.delimiter).filter((folder) => folder !== ""),
    ...MORE_FOLDERS,
  ];
  const suffix = process.platform === "win32" ? ".exe" : "";
  for (const name of names) {
    const found = folders.map((folder) => path.resolve(folder, `${name}${suffix}`)).find(isProgram);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Calls `onLine` for each whole line of a stream. */
export function readLines(stream, onLine) {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line.trimEnd());
  });
  stream.on("end", () => {
    if (rest !== "") onLine(rest);
    rest = "";
  });
}

/**
 * Runs a program to its end and returns `{ code, output }`; `code` is null when it was cut off by the deadline or could
 * not be started. Rejects only when the signal is aborted.
 */
export function run(command, args, { cwd, env = process.env, timeoutMs, signal, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: "SIGKILL" }),
      ...(signal === undefined ? {} : { signal }),
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      readLines(stream, (line) => {
        output = `${output}${line}\n`.slice(-MAX_KEPT_BYTES);
        onLine?.(line);
      });
    }
    child.once("error", (error) => {
      if (signal?.aborted) reject(new StoppedError(`${command} was stopped`));
      else resolve({ code: null, output: `${output}${error.message}\n` });
    });
    child.once("close", (code) => {
      if (signal?.aborted) reject(new StoppedError(`${command} was stopped`));
      else resolve({ code, output });
    });
  });
}
