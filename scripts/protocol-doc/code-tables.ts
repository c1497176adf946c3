import { closeCodes, errorTable, isFinalClose } from "@parley/protocol";

type Row = (typeof errorTable)[keyof typeof errorTable];

function closeOf(row: Row): string {
  return "close" in row ? String(row.close) : "";
}

export function errorCodes(): string {
  const rows = Object.entries(errorTable).map(
    ([code, row]) =>
      `| \`${code}\` | ${row.status} | ${closeOf(row)} | ${row.retryable ? "yes" : "no"} | ${row.sentence} |`,
  );
  return ["| code | HTTP status | close code | retryable | sentence |", "|---|---|---|---|---|", ...rows, ""].join(
    "\n",
  );
}

/** When each is sent; all of them, by type. */
const reasons: Readonly<Record<keyof typeof closeCodes, string>> = {
  goingAway: "The server stops. A `going_away` frame came before.",
  tooSlow: "The client does not read what it is sent. Reconnecting with the cursor brings a snapshot.",
  tokenExpired: "The token has run out, or had run out when it was sent. Get a new one first.",
  overloaded: "The conversation could not be read for too long, or the token cannot be checked at the moment.",
  authDeadline: "No valid token came in time.",
  badToken: "The token is not valid, belongs to another user than the connection, or was revoked.",
  protocolAbuse: "Too many invalid frames, or too many frames that did not wait for any answer.",
  policy: "The user, or the address, is blocked.",
  tooManyConnections: "The user has as many sockets as one may have: close others first.",
};

export function closeTable(): string {
  const rows = Object.entries(reasons).map(([name, reason]) => {
    const code = Object.entries(closeCodes).find(([other]) => other === name)?.[1] ?? 0;
    return `| ${code} | ${isFinalClose(code) ? "no" : "yes"} | ${reason} |`;
  });
  return ["| code | reconnect | when |", "|---|---|---|", ...rows, ""].join("\n");
}
