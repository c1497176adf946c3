const dies = 'process.kill(process.pid, "SIGKILL"); await new Promise(() => {});';

/** One line of a service's build each, and what stands there instead. */
export const faults = {
  // About one token in fifty never reaches a viewer.
  "edge drops events": {
    file: "/services/edge/dist/hub/visible-event.js",
    line: 'if (type === "" || !isVisible(type))',
    instead: 'if (type === "" || !isVisible(type) || (type === "token" && Math.random() < 0.02))',
  },
  // What the broker passed on after later events is never shown.
  "edge drops late events": {
    file: "/services/edge/dist/hub/feed.js",
    line: "if (!listener.onLate(message, intake.takeLate(message)))",
    instead: "if (intake.takeLate(message) === undefined)",
  },
  // The transcript is ahead of what the copies have brought.
  "edge does not look where the stream ends": {
    file: "/services/edge/dist/hub/whole-reading.js",
    line: "if (!(await history.confirm(hub)))",
    instead: "if (hub.ring !== ring)",
  },
  "edge believes every cursor": {
    file: "/services/edge/dist/hub/resuming.js",
    line: 'if (doubt !== "unknown")',
    instead: 'if (viewer.cursor > 0) return apply(viewer, "clear"); else if (doubt !== "unknown")',
  },
  // Once in a while what is added to a text begins with the last character that was sent.
  "dialects say something twice": {
    file: "/libs/dialects/dist/turn/sent-parts.js",
    line: "kind: part.type, text: event.token });",
    instead: "kind: part.type, text: event.token.repeat(1 + Number(Math.random() < 0.02)) });",
  },
  // What a client that comes back is shown of a turn is all there, in another order.
  "edge puts calls behind the text": {
    file: "/services/edge/dist/hub/snapshot.js",
    line: "fits(parts) ? { parts: [...parts] }",
    instead:
      'fits(parts) ? { parts: parts.toSorted((a, b) => Number(a.type === "tool_call") - Number(b.type === "tool_call")) }',
  },
  // Every writer may write: a worker that wakes up goes on where it was.
  "agent appends without expectation": {
    file: "/services/agent-worker/dist/fenced-append.js",
    line: "await events.append({ subject, data, expect, joins })",
    instead: "await events.append({ subject, data, joins })",
  },
  // The licence is the event alone, as it was before there were facts.
  "tool worker decides by events": {
    file: "/services/tool-worker/dist/call-log.js",
    line: "const { won, fact: first } = await facts.write(fact);",
    instead: "const { won, fact: first } = { won: true, fact };",
  },
  "tool worker asks nobody": {
    file: "/services/tool-worker/dist/call-approval.js",
    line: "const { asked, decided } = await approvals.read(call.job);",
    instead: `return { hasLapsed: () => false, to: { hash: "", by: undefined } }; const { asked, decided } = {};`,
  },
  "agent wakes nobody": {
    file: "/services/agent-worker/dist/waking.js",
    line: "void take(decision);",
    instead: "",
  },
  "edge lets strangers decide": {
    file: "/services/edge/dist/commands/approve.js",
    line: "const rights = await ownership.decider(frame.conversation_id, caller);",
    instead: "const rights = { isOwner: true, isApprover: false };",
  },
  // A message between people that comes again is another one.
  "edge stores repeats of posts": {
    file: "/libs/bus/dist/posts.js",
    line: "known = await find(newest, turn_id, since);",
    instead: "known = undefined;",
  },
  // Whoever looks on goes on to do so.
  "edge sends nobody away": {
    file: "/services/edge/dist/commands/guests.js",
    line: 'if (viewer.state === "gone")',
    instead: "if (true)",
  },
  "edge tells the wrong decision": {
    file: "/services/edge/dist/commands/approve.js",
    line: "ensureEvent(bus, decidedEventOf(asked, found), isNew),",
    instead: "ensureEvent(bus, { ...decidedEventOf(asked, found), approved: !found.fact.approved }, isNew),",
  },
  // Deaths between two lines that no signal from outside can be timed to.
  "tool worker dies before it asks": {
    file: "/services/tool-worker/dist/approval-log.js",
    line: "const { fact } = await facts.write(question);",
    instead: `${dies} const { fact } = await facts.write(question);`,
  },
  "tool worker dies before it tells what it asks": {
    file: "/services/tool-worker/dist/approval-log.js",
    line: "await tell(job, fact);",
    instead: dies,
  },
  "tool worker dies before it decides": {
    file: "/services/tool-worker/dist/call-decision.js",
    line: "const permitted = await permit(call, tool, deps);",
    instead: dies,
  },
  "tool worker dies before its licence": {
    file: "/services/tool-worker/dist/call-decision.js",
    line: "const licence = await calls.begin(job);",
    instead: dies,
  },
  "tool worker dies before it tells of its licence": {
    file: "/services/tool-worker/dist/call-log.js",
    line: "return await tellBegun(job, fact.ts);",
    instead: dies,
  },
  "tool worker dies with a result": {
    file: "/services/tool-worker/dist/call-log.js",
    line: "const counted = await facts.write(fact).catch(",
    instead: `${dies} const counted = await facts.write(fact).catch(`,
  },
  "tool worker dies before it tells a result": {
    file: "/services/tool-worker/dist/call-log.js",
    line: 'const told = await events.writeOnce(subjectOf("toolResult", job), event, shorten);',
    instead: dies,
  },
  "tool worker believes every job": {
    file: "/services/tool-worker/dist/call-decision.js",
    line: 'if (verified.state === "not committed")',
    instead: "if (false)",
  },
  "tool worker dies with a licence": {
    file: "/services/tool-worker/dist/call-decision.js",
    line: "const licence = await calls.begin(job);",
    instead: `const licence = await calls.begin(job); ${dies}`,
  },
  "tool worker dies after a change": {
    file: "/services/tool-worker/dist/tools/demo/demo-tools.js",
    line: "await appendFile(file, `${callId} ${text}\\n`);",
    instead: `await appendFile(file, callId + " " + text + "\\n"); ${dies}`,
  },
  "tool worker dies after a change in a cluster": {
    file: "/services/tool-worker/dist/kubernetes/write/patch-plan.js",
    line: "await api.json(requestFor(target, signal, { ...request, query: { fieldManager } }));",
    instead: `await api.json(requestFor(target, signal, { ...request, query: { fieldManager } })); ${dies}`,
  },
  "tool worker dies before a booking": {
    file: "/services/tool-worker/dist/tools/workshop/bookings.js",
    line: "const last = await read(log.last(place.tenant, place.date));",
    instead: dies,
  },
  "tool worker dies after a booking": {
    file: "/services/tool-worker/dist/tools/workshop/bookings.js",
    line: "await readModel.catchUp().catch(() => { });",
    instead: dies,
  },
  "tool runs twice": {
    file: "/services/tool-worker/dist/execution.js",
    line: "output: await call.run(context)",
    instead: "output: (await call.run(context), await call.run(context))",
  },
};

let fault;

export function initialize({ fault: name }) {
  fault = faults[name];
  if (fault === undefined) throw new Error(`there is no planted fault "${name}"`);
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!url.endsWith(fault.file)) return loaded;
  const source = String(loaded.source);
  if (!source.includes(fault.line)) throw new Error(`${fault.file} has no line to plant a fault in: ${fault.line}`);
  return { ...loaded, source: source.replace(fault.line, fault.instead) };
}
