import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const unpackedDir = path.resolve(import.meta.dirname, "../../.tools/prometheus");
/** Used where they are there. */
const debian = { download: "apt-get", unpack: "dpkg" } as const;
const DOWNLOAD_DEADLINE_MS = 90_000;

type Program = "promtool" | "prometheus";

function runs(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Debian's package unpacked, not installed: installing it would start a daemon. */
function unpack(): void {
  const dir = mkdtempSync(path.join(tmpdir(), "parley-prometheus-"));
  try {
    execFileSync(debian.download, ["download", "prometheus"], {
      cwd: dir,
      stdio: "ignore",
      timeout: DOWNLOAD_DEADLINE_MS,
    });
    const archive = readdirSync(dir).find((name) => name.endsWith(".deb"));
    if (archive === undefined) return;
    execFileSync(debian.unpack, ["-x", path.join(dir, archive), path.join(dir, "unpacked")]);
    mkdirSync(path.dirname(unpackedDir), { recursive: true });
    execFileSync("cp", ["-r", path.join(dir, "unpacked", "usr", "bin"), `${unpackedDir}.${process.pid}`]);
    renameSync(`${unpackedDir}.${process.pid}`, unpackedDir);
  } catch {
    // No apt, no network, or another test was first: the caller looks at what is there.
  } finally {
    rmSync(dir, { recursive: true, force: true });
    rmSync(`${unpackedDir}.${process.pid}`, { recursive: true, force: true });
  }
}

/** A program of Prometheus: from the PATH, or unpacked from Debian's archive. Undefined, with a warning, where neither can be had. */
export function prometheusProgram(program: Program): string | undefined {
  if (runs(program)) return program;
  const unpacked = path.join(unpackedDir, program);
  if (!existsSync(unpacked)) unpack();
  if (runs(unpacked)) return unpacked;
  process.stderr.write(
    `SKIPPED: ${program} cannot be had here (install Prometheus, or run on Debian with its package archive).\n`,
  );
  return undefined;
}
