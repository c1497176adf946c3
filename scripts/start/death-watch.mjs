import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const afterDeath = fileURLToPath(new URL("after-death.mjs", import.meta.url));

/**
 * Cleans up after this process should it die without doing so itself: a shell waits for the end of its input, which
 * comes however we end, and then runs `after-death.mjs`. A shell, because a second Node would cost 40 MB for waiting.
 */
export function startDeathWatch() {
  const script = 'read -r stopped; [ -n "$stopped" ] || exec "$0" "$1" "$2"';
  const shell = spawn("sh", ["-c", script, process.execPath, afterDeath, String(process.pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.once("error", () => {
    // No shell on this system: what a kill -9 leaves behind is then found by the next start.
  });
  shell.stdin.once("error", () => {
    // The shell was killed; the same holds.
  });
  shell.unref();
  return { stop: () => shell.stdin.end("stopped\n") };
}
