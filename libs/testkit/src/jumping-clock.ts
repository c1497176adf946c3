import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { eventually } from "./eventually.ts";
import { tempDir } from "./temp-dir.ts";

/** The wall clock of processes under test. Their monotonic time (`performance.now`, timers) goes on as ever: that is what a real jump looks like. */
export interface JumpingClock {
  /** Environment of a process that is to have this clock. */
  readonly env: { readonly NODE_OPTIONS: string };
  /** Sets it so much before (or, negative, behind) the time of day. Resolves when one process that has it goes by it. */
  jumpTo(offsetMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const LOOK_EVERY_MS = 10;

/** Runs in the process under test before all else. */
function preload(file: string): string {
  return `
import { readFileSync, writeFileSync } from "node:fs";
const real = Date.now.bind(Date);
const file = ${JSON.stringify(file)};
let text = readFileSync(file, "utf8");
const look = () => {
  const now = readFileSync(file, "utf8");
  if (now === "" || now === text) return;
  text = now;
  writeFileSync(file + ".seen", now);
};
Date.now = () => real() + Number(text);
globalThis.Date = new Proxy(Date, {
  construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [target.now()] : args, made),
});
setInterval(look, ${LOOK_EVERY_MS}).unref();
`;
}

/** A clock that begins `offsetMs` before the time of day. */
export async function startJumpingClock(offsetMs = 0): Promise<JumpingClock> {
  const folder = await tempDir();
  const file = path.join(folder.path, "offset");
  await writeFile(file, String(offsetMs));
  const module = `data:text/javascript,${encodeURIComponent(preload(file)).replaceAll("'", "%27")}`;
  return {
    env: { NODE_OPTIONS: `--import=${module}` },
    async jumpTo(ms) {
      await writeFile(file, String(ms));
      const isSeen = async (): Promise<boolean> => (await readFile(`${file}.seen`, "utf8")) === String(ms);
      await eventually(isSeen, { what: "a process with the jumped clock", timeoutMs: 5_000 });
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
