import type { Ledger } from "../ledger.ts";
import { slopeOf } from "../regression.ts";
import type { ProcessRecord, ProcessSample } from "../world/process-sampler.ts";
import { megabyte, round } from "./units.ts";

export interface ProcessFigures {
  readonly name: string;
  /** It is no part of Parley, and its cost none of Parley's. */
  readonly isLoad: boolean;
  readonly cpuSeconds: number;
  /** Of one core, over the whole run. */
  readonly cpuShare: number;
  readonly cpuSecondsPerMillionTokens: number | undefined;
  readonly cpuSecondsPerThousandTurns: number | undefined;
  readonly rssStartMb: number;
  readonly rssEndMb: number;
  readonly rssMaxMb: number;
  /** What the last full garbage collection left at the end. */
  readonly liveEndMb: number | undefined;
  /** Of what full collections left, over the second half of the run. */
  readonly liveSlopeMbPerHour: number | undefined;
}

const nothing: ProcessSample = { atS: 0, cpuS: 0, rssBytes: 0, files: undefined };

export function processFigures(
  { name, isLoad = false, samples }: ProcessRecord,
  ledger: Pick<Ledger, "count">,
): ProcessFigures {
  const first = samples[0] ?? nothing;
  const last = samples.at(-1) ?? nothing;
  const cpuSeconds = last.cpuS - first.cpuS;
  const passedS = last.atS - first.atS;
  const per = (count: number, unit: number): number | undefined =>
    count === 0 ? undefined : round((cpuSeconds / count) * unit, 2);
  return {
    name,
    isLoad,
    cpuSeconds: round(cpuSeconds, 2),
    cpuShare: passedS === 0 ? 0 : round(cpuSeconds / passedS, 3),
    cpuSecondsPerMillionTokens: per(ledger.count("tokens"), 1_000_000),
    cpuSecondsPerThousandTurns: per(ledger.count("turns"), 1_000),
    rssStartMb: round(first.rssBytes / megabyte, 1),
    rssEndMb: round(last.rssBytes / megabyte, 1),
    rssMaxMb: round(Math.max(0, ...samples.map(({ rssBytes }) => rssBytes)) / megabyte, 1),
    liveEndMb: last.liveBytes === undefined ? undefined : round(last.liveBytes / megabyte, 1),
    liveSlopeMbPerHour: lateSlope(samples, first.atS + passedS / 2),
  };
}

/** In MB per hour, of the samples from that time on. */
function lateSlope(samples: readonly ProcessSample[], fromS: number): number | undefined {
  const late = samples.flatMap(({ atS, liveBytes }) => {
    return atS < fromS || liveBytes === undefined ? [] : [{ x: atS / 3_600, y: liveBytes / megabyte }];
  });
  const slope = slopeOf(late);
  return slope === undefined ? undefined : round(slope, 1);
}
