/** How fast this machine is at the kind of work that all hot paths are made of. Never to be changed: the baseline is a multiple of it. */
const calibrated = {
  id: "7f3a9c",
  text: "The quick brown fox jumps over the lazy dog.",
  numbers: [1, 2.5, -3, 4e6, 0, 7],
  nested: { list: ["a", "b", "c"], flag: true, nothing: null, more: { deep: "value" } },
};

function calibrate(): unknown {
  return JSON.parse(JSON.stringify(calibrated));
}

/** Shorter than what a scheduler gives a process at a time, so that many samples are not interrupted at all. */
const sampleMs = 1;
const warmUpMs = 80;

/** What a loop has computed, so that no compiler may leave it out. */
let sink: unknown;

function repeat(run: () => unknown, times: number): number {
  const startedAt = performance.now();
  for (let i = 0; i < times; i++) sink = run();
  return performance.now() - startedAt;
}

/** As many repeats as take about one sample's time, once the code is warm. */
function repeatsOf(run: () => unknown): number {
  let fastestMs = Infinity;
  for (const warmUntil = performance.now() + warmUpMs; performance.now() < warmUntil;) {
    fastestMs = Math.min(fastestMs, repeat(run, 10) / 10);
  }
  return Math.max(1, Math.round(sampleMs / fastestMs));
}

export interface Timing {
  readonly nanoseconds: number;
  /** Its time as a multiple of the calibration's, measured in turn with it. */
  readonly ratio: number;
}

/** The fastest of many samples of each: whatever disturbs a sample makes it slower, never faster. */
export function timeBeside(run: () => unknown, samples: number): Timing {
  const [ownRepeats, otherRepeats] = [repeatsOf(run), repeatsOf(calibrate)];
  let [own, other] = [Infinity, Infinity];
  for (let sample = 0; sample < samples; sample++) {
    other = Math.min(other, repeat(calibrate, otherRepeats) / otherRepeats);
    own = Math.min(own, repeat(run, ownRepeats) / ownRepeats);
  }
  return { nanoseconds: own * 1_000_000, ratio: sink === undefined ? 0 : own / other };
}
