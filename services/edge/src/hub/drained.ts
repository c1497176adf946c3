import type { Connection } from "../delivery/connection.ts";

/**
 * A socket that lagged takes more: what it looks at is brought to the present, one conversation after the other for as long as there is room. Whoever has had a turn goes to the end: else
 * one conversation that always has something new would take all the room, each time, and those behind it would get nothing.
 */
export function bringInTurn<Viewer extends { readonly state: string }>(
  connection: Connection<Viewer>,
  { catchUp }: { readonly catchUp: (viewer: Viewer) => void },
): void {
  const { acting } = connection;
  bringOne(connection, connection, catchUp);
  if (acting === undefined) return;
  for (const [id, user] of [...acting.users]) {
    if (connection.laggingSinceMs > 0) return;
    if (user.viewers.size > 0 && acting.users.delete(id)) acting.users.set(id, user);
    bringOne(connection, user, catchUp);
  }
}

function bringOne<Viewer extends { readonly state: string }>(
  socket: Connection<Viewer>,
  { viewers }: Connection<Viewer>,
  catchUp: (viewer: Viewer) => void,
): void {
  for (const [conversation, viewer] of [...viewers]) {
    if (socket.laggingSinceMs > 0) return;
    if (viewer.state === "lagging" && viewers.delete(conversation)) viewers.set(conversation, viewer);
    catchUp(viewer);
  }
}
