/**
 * The native protocol as a page needs it: one socket after another that authenticates, keeps alive and reconnects. Standalone and small,
 * because the page must work without a build and under a strict content security policy; the complete client is libs/client.
 *
 * States: `idle` → `connecting` → `authenticating` → `ready`; a lost connection goes to `waiting` and from there back to `connecting`;
 * `closed` needs a person.
 */
export function createLink({ url, getToken, onState, onFrame, onTraffic }) {
  const link = {
    ...{ url, getToken, onState, onFrame, onTraffic },
    state: "idle",
    socket: undefined,
    /** The deadline of the handshake, or the wait before the next try. */
    timer: undefined,
    heartbeat: undefined,
    heardAt: 0,
    failures: 0,
    reconnectAfterMs: undefined,
    /** The browser's cookie has opened the socket; a token may follow that counts before it. */
    isSignedIn: false,
    /** The next `auth_success` is the one that is waited for. */
    isAsked: false,
  };
  addEventListener("online", () => hurry(link));
  document.addEventListener("visibilitychange", () => hurry(link));
  return {
    state: () => link.state,
    connect: () => connect(link),
    send: (frame) => send(link, frame),
    drop: () => lose(link, "You dropped the connection."),
  };
}

const subprotocol = "parley.v1";
const minDelayMs = 500;
const maxDelayMs = 20_000;
const handshakeMs = 10_000;
const pingAfterMs = 15_000;
const deadAfterMs = 30_000;

/** Close codes from 4500 on: coming back would end the same way. */
const isFinal = (code) => code >= 4_500 && code < 5_000;

function become(link, state, detail = "") {
  link.state = state;
  link.onState(state, detail);
}

function send({ socket, onTraffic }, frame) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  onTraffic("out", frame.type === "auth" ? { ...frame, token: "…" } : frame);
  socket.send(JSON.stringify(frame));
  return true;
}

function connect(link) {
  leave(link);
  become(link, "connecting");
  Object.assign(link, { reconnectAfterMs: undefined, isSignedIn: false, isAsked: false });
  const socket = new WebSocket(link.url, subprotocol);
  link.socket = socket;
  link.timer = setTimeout(() => lose(link, "The server did not answer."), handshakeMs);
  socket.addEventListener("open", () => {
    become(link, "authenticating");
    void authenticate(link, socket);
  });
  // A socket that the link has left may still have something to say; nobody listens any more.
  socket.addEventListener("message", ({ data }) => socket === link.socket && receive(link, data));
  socket.addEventListener("close", ({ code, reason }) => socket === link.socket && closed(link, code, reason));
}

async function authenticate(link, socket) {
  try {
    const token = await link.getToken();
    if (socket !== link.socket) return;
    if (token === undefined) return close(link, "A token is needed.");
    link.isAsked = true;
    if (token !== null) send(link, { type: "auth", token });
    else if (link.isSignedIn && link.state !== "ready") becomeReady(link);
  } catch (error) {
    // When the link is ready this was about the next token: the present one still holds.
    if (socket === link.socket && link.state !== "ready") lose(link, `No token could be had: ${error.message}`);
  }
}

function receive(link, data) {
  link.heardAt = performance.now();
  const frame = JSON.parse(data);
  link.onTraffic("in", frame);
  if (frame.type === "auth_success" && link.state !== "ready") {
    if (link.isAsked) becomeReady(link);
    else link.isSignedIn = true;
  }
  if (frame.type === "auth_expiring") void authenticate(link, link.socket);
  if (frame.type === "going_away") link.reconnectAfterMs = frame.reconnect_after_ms;
  link.onFrame(frame);
}

function becomeReady(link) {
  clearTimeout(link.timer);
  link.failures = 0;
  link.heartbeat = setInterval(() => beat(link), pingAfterMs);
  become(link, "ready");
  beat(link);
}

function beat(link) {
  if (performance.now() - link.heardAt > deadAfterMs) lose(link, "The server has gone silent.");
  else send(link, { type: "ping" });
}

function closed(link, code, reason) {
  if (isFinal(code)) close(link, reason || `The server closed the connection for good (${code}).`);
  else lose(link, reason || "The connection was lost.");
}

/** Full jitter: thousands of pages that lost one server must not come back in waves. */
function lose(link, reason) {
  leave(link);
  const ceilingMs = Math.min(maxDelayMs, minDelayMs * 2 ** (link.failures + 1));
  const delayMs = link.reconnectAfterMs ?? minDelayMs + Math.random() * (ceilingMs - minDelayMs);
  link.failures += 1;
  link.timer = setTimeout(() => connect(link), delayMs);
  become(link, "waiting", `${reason} Next try in ${(delayMs / 1000).toFixed(1)} s.`);
}

function close(link, reason) {
  leave(link);
  become(link, "closed", reason);
}

function leave(link) {
  clearTimeout(link.timer);
  clearInterval(link.heartbeat);
  const { socket } = link;
  link.socket = undefined;
  socket?.close();
}

/** No reason to wait out the back-off when the network, or the person, has just come back. */
function hurry(link) {
  if (link.state === "waiting" && document.visibilityState === "visible") connect(link);
}
