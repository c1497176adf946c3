import { toolCallsOf } from "@parley/protocol/fold";
import { createApprovalsPane } from "./approvals-pane.js";
import { createChat, randomHex } from "./chat.js";
import { createLink } from "./chat-link.js";
import { byId, setText } from "./elements.js";
import { createFramesPane } from "./frames-pane.js";
import { createIdentity } from "./identity.js";
import { isSimulated } from "./tool-card.js";
import { createTurnView } from "./turn-view.js";
import { createWaitingList } from "./waiting-list.js";

/** The page: wires the link, the conversation and what is seen of them. */

const turnsList = byId("turns");
const input = byId("message-input");
const frames = createFramesPane();
const identity = createIdentity({ onChange: () => link.connect() });
createApprovalsPane({ token: identity.token });
const link = createLink({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/chat`,
  getToken: identity.token,
  onState: showLinkState,
  onFrame: receive,
  onTraffic: trace,
});
const titleInput = byId("title-input");
const showWaiting = createWaitingList(byId("queue"), {
  onChange: (turnId, text) => chat.changeWaiting(turnId, text),
  onTakeBack: (turnId) => chat.takeBack(turnId),
});
let views = new Map();
let chat = openChat();
let connections = 0;
let pingedAt = 0;
let rendering = false;
/** An error that belongs to no message; shown until the next one is sent. */
let problem = "";

function openChat() {
  const fromHash = /^#([A-Za-z0-9_-]{1,128})$/.exec(location.hash)?.[1];
  const id = fromHash ?? `c_${randomHex()}`;
  if (fromHash === undefined) history.replaceState(undefined, "", `#${id}`);
  setText(byId("conversation-id"), id);
  return createChat({
    id,
    link,
    mayExist: fromHash !== undefined,
    onChange: scheduleRender,
    onResumed: ({ mode, seq }) => showResume(mode, seq),
    onProblem: (text) => {
      problem = text;
    },
  });
}

function switchChat() {
  chat.leave();
  turnsList.replaceChildren();
  views = new Map();
  setText(byId("resume"), "");
  problem = "";
  chat = openChat();
  if (link.state() === "ready") chat.resume();
  scheduleRender();
  input.focus();
}

function showLinkState(state, detail) {
  byId("connection").dataset.state = state;
  setText(byId("connection-state"), detail === "" ? state : `${state}: ${detail}`);
  setText(byId("drop-connection"), state === "closed" ? "Connect" : "Drop the connection");
  if (state === "ready") becomeReady();
  if (state === "waiting" || state === "closed") setText(byId("resume"), "");
  if (state === "closed") identity.askForToken();
}

function becomeReady() {
  connections += 1;
  setText(byId("reconnects"), String(connections - 1));
  chat.resume();
}

function showResume(mode, seq) {
  const words = { live: "nothing was missed", replay: "replayed", snapshot: "one snapshot" };
  const from = chat.cursor() > 0 ? ` from seq ${chat.cursor()}` : ` at seq ${seq}`;
  setText(byId("resume"), `resumed${from} · ${words[mode] ?? mode}`);
}

function receive(frame) {
  if (frame.type === "welcome") setText(byId("connection-id"), frame.connection_id);
  if (frame.type === "auth_success") setText(byId("user"), frame.user.name ?? frame.user.id);
  if (frame.type === "auth_error") identity.say(frame.message);
  if (frame.type === "pong") setText(byId("round-trip"), `${(performance.now() - pingedAt).toFixed(1)} ms`);
  chat.handle(frame);
}

function trace(direction, frame) {
  if (direction === "out" && frame.type === "ping") pingedAt = performance.now();
  frames.add(direction, frame);
}

/** Once per frame of the screen, however many tokens came. A hidden page draws nothing and catches up when it is seen. */
function scheduleRender() {
  if (rendering) return;
  rendering = true;
  requestAnimationFrame(() => {
    rendering = false;
    render();
  });
}

function render() {
  const atEnd = turnsList.scrollHeight - turnsList.scrollTop - turnsList.clientHeight < 80;
  const turns = chat.turns();
  for (const turn of turns) viewOf(turn).update(turn);
  byId("welcome").hidden = turns.length > 0;
  turnsList.hidden = turns.length === 0;
  setText(byId("cursor"), chat.cursor() === 0 ? "–" : String(chat.cursor()));
  const running = chat.running();
  byId("stop").hidden = running === undefined;
  setText(byId("progress"), problem || (running === undefined ? endOf(turns.at(-1)) : progressOf(running)));
  showSimulated(turns);
  showTitle();
  showWaiting(chat.waiting());
  if (atEnd) turnsList.scrollTop = turnsList.scrollHeight;
}

function decide(callId, approved, said) {
  return chat.approve(callId, approved, said);
}

/** Whoever is writing there is not disturbed. */
function showTitle() {
  const title = chat.title();
  if (document.activeElement !== titleInput && titleInput.value !== title) titleInput.value = title;
  document.title = title === "" ? "Parley test page" : `${title} · Parley`;
}

/** A turn that was just accepted keeps the element that it had while it was being sent. */
function viewOf(turn) {
  const view = views.get(turn.id) ?? views.get(turn.messageId) ?? createTurnView(decide);
  views.set(turn.id, view);
  if (!view.element.isConnected) turnsList.append(view.element);
  return view;
}

function progressOf({ progress, status }) {
  if (status === "waiting") return "Waiting for a person…";
  return status === "queued" ? "Waiting for a worker…" : (progress ?? "");
}

function endOf({ status } = {}) {
  const words = {
    complete: "Answer complete.",
    cancelled: "Stopped.",
    error: "The answer failed.",
    sending: "Sending…",
  };
  return words[status] ?? "";
}

function showSimulated(turns) {
  const model = turns.some(({ outcome }) => isSimulated(outcome?.metadata?.model));
  const cluster = turns.some((turn) => toolCallsOf(turn).some(({ result }) => isSimulated(result)));
  const what = [model ? "the language model" : "", cluster ? "the cluster" : ""].filter((part) => part !== "");
  byId("simulated").hidden = what.length === 0;
  const verb = what.length === 1 ? "is" : "are";
  setText(byId("simulated"), `${what.join(" and ")} ${verb} simulated: nothing here describes a real system.`);
}

function submit() {
  const text = input.value.trim();
  if (text === "") return;
  problem = "";
  chat.send(text);
  input.value = "";
  fitInput();
}

/** Grows with its text, up to the height that the style sheet allows. */
function fitInput() {
  input.rows = Math.min(8, input.value.split("\n").length);
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
input.addEventListener("input", fitInput);
input.addEventListener("keydown", (event) => {
  if (event.key === "Escape") chat.cancel();
  // Enter also confirms what an input method offers: that is not the end of the message.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
byId("title-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const title = titleInput.value.trim();
  titleInput.blur();
  if (title !== "") chat.setTitle(title);
});
titleInput.addEventListener("blur", scheduleRender);
byId("stop").addEventListener("click", () => chat.cancel());
byId("drop-connection").addEventListener("click", () => (link.state() === "closed" ? link.connect() : link.drop()));
byId("new-conversation").addEventListener("click", () => {
  location.hash = `#c_${randomHex()}`;
});
for (const button of document.querySelectorAll(".suggestion")) {
  button.addEventListener("click", () => chat.send(button.textContent));
}
addEventListener("hashchange", switchChat);

link.connect();
