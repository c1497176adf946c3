import { closeCodes } from "@parley/protocol";
import { tokenStorm } from "../../../test/e2e/token-storm.ts";
import type { Bench } from "../bench.ts";
import { rounded } from "../measure/statistics.ts";

const sockets = 5_000;
const maxLagMs = 200;

/** What the tokens of 5,000 sockets that run out within a second do to an edge, while answers stream. */
export const storm: Bench = {
  name: "token-storm",
  about: `${sockets} tokens that run out within a second: half bring a new one, the others are closed; the event loop stands still for less than ${maxLagMs} ms, or twice of what it does at rest`,
  takesSeconds: 170,
  isGate: false,
  async run() {
    const figures = await tokenStorm({ sockets, conversations: 50 });
    const { stayed, closed, closesTookMs, warningsTookMs, lagMs, quietLagMs, faults } = figures;
    const row = [
      stayed,
      closed.get(closeCodes.tokenExpired) ?? 0,
      rounded(closesTookMs),
      rounded(warningsTookMs),
      rounded(lagMs),
    ];
    return {
      figures: [{ ...figures, closed: Object.fromEntries(closed) }],
      table: [
        ["stayed", "closed", "closes took (ms)", "warnings took (ms)", "longest lag (ms)", "at rest", "faults"],
        [...row, rounded(quietLagMs), faults.length].map(String),
      ],
      budgets: [
        { what: "longest lag, ms", value: lagMs, limit: Math.max(maxLagMs, 2 * quietLagMs), is: "<=" },
        { what: "viewers who lost text", value: faults.length, limit: 0, is: "<=" },
      ],
    };
  },
};
