import type { DeliveryAnswers } from "@parley/bus";

type Held = Pick<DeliveryAnswers, "working">;

/** The ack wait of another version may be shorter than ours: what runs is held by beats for that one, too. */
const longestBeatMs = 1_000;
const longestRoundMs = 2_000;
/** A round of beats is spread over its time: there may be thousands, and a burst of them would hold everything up. */
const slices = 10;

/** Beats for each in turn, so many at a time that all had one when the round is over. Those that come meanwhile are in the next round. */
export function createRounds(holders: () => Iterable<Held>) {
  let round: readonly Held[] = [];
  let at = 0;
  return {
    beatSome(): void {
      if (at >= round.length) {
        round = [...holders()];
        at = 0;
      }
      const end = Math.min(round.length, at + Math.ceil(round.length / slices));
      for (; at < end; at++) round[at]?.working();
    },
  };
}

/**
 * Holds at the broker what is here. What runs beats six times in an ack wait, so that a process that stands still for two thirds of it loses nothing (the
 * last beat may be a sixth old by then). What only waits may be looked at by another worker without harm: three times.
 */
export function startHeartbeats(
  ackWaitMs: number,
  running: { readonly heartbeat: () => void },
  waiting: () => Iterable<Held>,
) {
  const rounds = createRounds(waiting);
  const beatRunning = setInterval(() => running.heartbeat(), Math.min(longestBeatMs, ackWaitMs / 6));
  const beatWaiting = setInterval(rounds.beatSome, Math.min(longestRoundMs, ackWaitMs / 3) / slices);
  return {
    stop(): void {
      clearInterval(beatRunning);
      clearInterval(beatWaiting);
    },
  };
}
