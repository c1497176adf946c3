import { build } from "./build.mjs";
import { sayWaiting } from "./infrastructure.mjs";
import { checkNodeVersion } from "./node-version.mjs";
import { ensurePackages } from "./packages.mjs";
import { withSetupLock } from "./run-records.mjs";

/** Node, packages and build: what the scripts of this repository need first. */
export async function prepare({ needsBuild = true, signal }) {
  checkNodeVersion();
  await withSetupLock(
    async () => {
      await ensurePackages({ signal });
      if (needsBuild) await build({ signal });
    },
    { signal, onWait: sayWaiting },
  );
}
