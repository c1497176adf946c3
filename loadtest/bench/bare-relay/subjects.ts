/** Its own names: the bare relay shares nothing with Parley but the broker program. */
export const bareEvents = "bare.ev.>";
export const bareLive = "bare.live.>";
export const bareTurns = "bare.turns";

export function bareSubject(turn: number): string {
  return `bare.ev.${turn}.a`;
}

export function bareLiveOf(turn: string): string {
  return `bare.live.${turn}.>`;
}
