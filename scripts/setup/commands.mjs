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

/** `node tsc was stopped`, `go build was stopped`. */
function stoppedError(command, [first = ""]) {
  return new StoppedError(`${path.basename(command)} ${path.basename(first)} was stopped`);
}

/** Ends it after its time, and lets go of its output: a process that it has started may hold that open for long. Returns how to call it off. */
function endAfter(child, timeoutMs, onLate) {
  if (timeoutMs === undefined) return () => {};
  const deadline = setTimeout(() => {
    onLate();
    child.kill("SIGKILL");
    child.stdout.destroy();
    child.stderr.destroy();
  }, timeoutMs);
  return () => clearTimeout(deadline);
}

/**
 * Runs a program to its end and returns `{ code, output }`; `code` is null when it was cut off by the deadline (the output ends with a line that
 * says so) or could not be started. Rejects only when the signal is aborted.
 */
export function run(command, args, { cwd, env = process.env, timeoutMs, signal, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
    let output = "";
    const callOff = endAfter(child, timeoutMs, () => (output += `stopped after ${timeoutMs / 1000} s\n`));
    for (const stream of [child.stdout, child.stderr]) {
      readLines(stream, (line) => {
        output = `${output}${line}\n`.slice(-MAX_KEPT_BYTES);
        onLine?.(line);
      });
    }
    child.once("error", (error) => {
      callOff();
      if (signal?.aborted) reject(stoppedError(command, args));
      else resolve({ code: null, output: `${output}${error.message}\n` });
    });
    child.once("close", (code) => {
      callOff();
      if (signal?.aborted) reject(stoppedError(command, args));
      else resolve({ code, output });
    });
  });
}
