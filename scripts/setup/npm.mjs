import { run } from "./commands.mjs";

const INSTALL_DEADLINE_MS = 10 * 60_000;

// NODE_ENV=production would make npm leave out the compiler.
const common = ["--no-audit", "--no-fund", "--include=dev"];

/** The first thing npm says that is a sentence: before it come lines such as "code ENOTFOUND". */
function reasonIn(output) {
  const said = output.split("\n").map((line) => /^npm (?:error|ERR!)\s+(.*)$/.exec(line)?.[1] ?? "");
  const reason = said.find((line) => line.split(" ").length > 2) ?? said.find((line) => line !== "");
  return (reason ?? "npm did not say why").replace(/\.$/, "");
}

/**
 * Installs in `cwd` exactly what its package-lock.json says, each package held against the hash that stands there.
 * Undefined when all is in place, else npm's reason.
 */
export async function npmCi({ cwd, signal }) {
  const command = process.platform === "win32" ? "npm.cmd" : "npm";
  const { code, output } = await run(command, ["ci", ...common], { cwd, timeoutMs: INSTALL_DEADLINE_MS, signal });
  return code === 0 ? undefined : reasonIn(output);
}
