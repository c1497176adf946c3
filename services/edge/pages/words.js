/** What the page says about how a turn went. Pure. */

export function duration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function describeProgress({ message, agent, confidence, sources }) {
  const facts = [];
  if (agent !== undefined) facts.push(`${agent}${inBrackets(confidence)}`);
  if (sources?.length > 0) facts.push(sources.map(({ title }) => title).join(", "));
  return facts.length === 0 ? message : `${message} · ${facts.join(" · ")}`;
}

export function describeError({ error, code, retryable }) {
  const sentence = error ?? "The answer failed.";
  return `${sentence} [${code ?? "unknown"}]${retryable === true ? " Trying again may help." : ""}`;
}

/** What is left to decide; the clock of the server alone counts, so at the end the page says what it thinks, and no more. */
export function describeLeft(leftMs, endMs) {
  if (leftMs === undefined) return "";
  if (leftMs <= 0) return "The time to decide is over: it counts as denied.";
  const seconds = Math.ceil(leftMs / 1_000);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), seconds % 60];
  const left = [...(h > 0 ? [h] : []), h > 0 ? twoDigits(m) : m, twoDigits(s)].join(":");
  const time = new Date(endMs).toLocaleTimeString([], { timeStyle: "short" });
  return `${left} left: undecided by ${time} it counts as denied.`;
}

function twoDigits(number) {
  return String(number).padStart(2, "0");
}

export function describeDecision({ approved, by, reason, like_for_ms: likeMs }) {
  if (approved === undefined) return "Nobody decided.";
  if (by === undefined) return "Nobody decided in time.";
  const like = likeMs === undefined ? "" : `, with the like of it for ${Math.max(1, Math.round(likeMs / 60_000))} min`;
  const how = `${approved ? "Approved" : "Denied"} by ${by.name ?? by.id}${like}`;
  return reason === undefined ? `${how}.` : `${how}: ${reason}`;
}

/** Agent, model, tokens and times of a turn that has ended. */
export function describeEnd({ outcome, acceptedAt, firstTokenAt, endedAt }) {
  if (outcome === undefined) return "";
  const { metadata = {}, usage, reason } = outcome;
  return [
    reason,
    metadata.agent === undefined ? undefined : `agent ${metadata.agent}${inBrackets(metadata.confidence)}`,
    metadata.model,
    describeUsage(usage),
    since(acceptedAt, firstTokenAt, "first token"),
    since(acceptedAt, endedAt, "all"),
  ]
    .filter((part) => part !== undefined)
    .join(" · ");
}

function inBrackets(confidence) {
  return confidence === undefined ? "" : ` (${confidence.toFixed(2)})`;
}

function describeUsage(usage) {
  if (usage === undefined) return undefined;
  return `${usage.estimated === true ? "about " : ""}${usage.input_tokens} tokens in, ${usage.output_tokens} out`;
}

function since(start, end, what) {
  return start === undefined || end === undefined ? undefined : `${what} ${duration(end - start)}`;
}
