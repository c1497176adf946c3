/** The dialects that share one endpoint; documented in the protocol's page. */
export type DialectName = "native" | "A" | "C";

const nativeOnly: ReadonlySet<unknown> = new Set([
  "subscribe",
  "unsubscribe",
  "cancel",
  "approve",
  "queue",
  "title",
  "feedback",
  "handover",
]);
/** Fields of a native `message` that dialect C does not have. */
const nativeFields = ["id", "conversation_id", "on_busy", "agent", "model", "metadata"];

/**
 * Which dialect a client's frame belongs to; undefined when it does not say: `auth` and `ping` are the same in all of them.
 *
 * | frame | dialect |
 * |---|---|
 * | `message`, without `type` | A |
 * | `type: message` with `session_id`, or without any field that only the native dialect has | C |
 * | `type: message` else; `subscribe`, `unsubscribe`, `cancel`, `approve`, `queue`, `title`, `feedback`, `handover` | native |
 */
export function dialectOfFrame(frame: Readonly<Record<string, unknown>>): DialectName | undefined {
  const { type } = frame;
  if (type === undefined) return "message" in frame ? "A" : undefined;
  if (nativeOnly.has(type)) return "native";
  if (type !== "message") return undefined;
  return "session_id" in frame || !nativeFields.some((field) => field in frame) ? "C" : "native";
}
