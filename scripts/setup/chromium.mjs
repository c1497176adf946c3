import { findProgram } from "./commands.mjs";
import { phase } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";
import { canInstall, installAdvice, installPackages } from "./system-packages.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC_PATHS = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

function findChromium() {
  return findProgram([...NAMES, ...MAC_PATHS]);
}

/** The browser that the browser tests drive: CHROMIUM_PATH, one of this system, or one that is installed now. */
export async function ensureChromium({ signal, env = process.env }) {
  return phase("Chromium", async (note) => {
    const given = env.CHROMIUM_PATH;
    if (given !== undefined && given !== "") {
      if (findProgram([given]) === undefined)
        throw new SetupError(`CHROMIUM_PATH names ${given}, which cannot be run.`);
      return { text: given, value: given };
    }
    if (findChromium() === undefined && canInstall()) await installPackages(["chromium"], { note, signal });
    const found = findChromium();
    if (found !== undefined) return { text: found, value: found };
    throw new SetupError(
      `The browser tests need Chromium and found none: install it (${installAdvice(["chromium"])}) or set CHROMIUM_PATH.`,
    );
  });
}
