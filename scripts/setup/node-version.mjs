import { SetupError } from "./setup-error.mjs";

/** The oldest Node of each line that package.json's "engines" allows: what the compiler's and the linter's packages can run on. */
const OLDEST = [
  [20, 19],
  [22, 12],
  [24, 0],
];
const NEWEST_LINE = 24;

export function checkNodeVersion(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NEWEST_LINE || OLDEST.some((least) => major === least[0] && minor >= least[1])) return;
  throw new SetupError(
    `Parley needs Node 20.19, 22.12 or 24 (or newer ones of these) and this is Node ${version}: ` +
      "install a current one from https://nodejs.org (or `nvm install 24`) and run the command again.",
  );
}
