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

export function describeUntil(expiresAt) {
  if (expiresAt === undefined) return "";
  const time = new Date(expiresAt).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return `Undecided by ${time} it counts as denied.`;
}

export function describeDecision({ approved, by, reason }) {
  if (approved === undefined) return "Nobody decided.";
  if (by === undefined) return "Nobody decided in time.";
  const how = `${approved ? "Approved" : "Denied"} by ${by.name ?? by.id}`;
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
