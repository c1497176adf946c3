import { spawnSync } from "node:child_process";
import path from "node:path";
import { repositoryRoot } from "./repository.ts";
import { isBuilt } from "./test-environment.ts";

const BUILD_DEADLINE_MS = 180_000;

/** Run once by vitest before tests that start services: these run the build, which must be that of the sources. */
export function setup(): void {
  if (isBuilt()) return;
  const tsc = path.join(repositoryRoot, "node_modules", "typescript", "bin", "tsc");
  const build = spawnSync(process.execPath, [tsc, "-b"], {
    cwd: repositoryRoot,
    encoding: "utf8",
    timeout: BUILD_DEADLINE_MS,
  });
  if (build.status === 0) return;
  const reason = build.error?.message ?? `${build.stdout}${build.stderr}`;
  throw new Error(`The build failed, so there is nothing to test (PARLEY_BUILT=1 tests the last build):\n${reason}`);
}
