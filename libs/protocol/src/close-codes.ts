/** Close codes: 4000–4499 tell the client to reconnect, 4500–4999 tell it not to. */
export const closeCodes = {
  goingAway: 4001,
  tooSlow: 4002,
  tokenExpired: 4004,
  overloaded: 4006,
  authDeadline: 4008,
  badToken: 4500,
  protocolAbuse: 4501,
  policy: 4503,
  tooManyConnections: 4504,
} as const;

/** Whether a close code tells the client not to reconnect. */
export function isFinalClose(code: number): boolean {
  return code >= 4500 && code < 5000;
}
