import {
  FinishedToolCall,
  beginningOf,
  boundCalls,
  isToolCall,
  jsonTextBytes,
  toolCallsOf,
  type Part,
  type Parts,
  type ToolCallPart,
} from "@parley/protocol";
import { deliveryLimits } from "../delivery/delivery-limits.ts";

/**
 * The calls of a turn in a snapshot: as they are, as long as that is no frame which a socket does not take. A turn may have a megabyte of results, and a
 * step may ask for 32 calls with a long preview each.
 */
export function withShortCalls(parts: Parts): Parts {
  return withShortPreviews(withShortResults(parts));
}

function bytesIn(parts: Parts, textOf: (call: ToolCallPart) => string | undefined): number {
  return toolCallsOf(parts).reduce((bytes, call) => bytes + jsonTextBytes(textOf(call) ?? ""), 0);
}

/** Each result is cut to its beginning, as in the end of the turn. */
function withShortResults(parts: Parts): Parts {
  const { snapshotResultBytes: maxBytes } = deliveryLimits;
  if (bytesIn(parts, ({ result }) => result) <= maxBytes) return parts;
  const finished = toolCallsOf(parts).flatMap((call) => FinishedToolCall.safeParse(call).data ?? []);
  const short = new Map(boundCalls(finished, maxBytes).map((call) => [call.call_id, call]));
  return parts.map((part): Part => {
    if (!isToolCall(part) || part.result === undefined) return part;
    return { ...part, ...(short.get(part.call_id) ?? { result: "", truncated: true }) };
  });
}

const isDecided = ({ status, approval }: ToolCallPart): boolean => (status ?? approval?.approved) !== undefined;

/** What is decided has no preview then; what people are to agree to is shown as far as there is room. */
function withShortPreviews(parts: Parts): Parts {
  const { snapshotPreviewBytes: maxBytes } = deliveryLimits;
  if (bytesIn(parts, ({ approval }) => approval?.preview?.text) <= maxBytes) return parts;
  const asked = toolCallsOf(parts).filter((call) => !isDecided(call) && call.approval?.preview !== undefined);
  const share = Math.floor(maxBytes / Math.max(1, asked.length));
  return parts.map((part): Part => {
    if (!isToolCall(part) || part.approval?.preview === undefined) return part;
    const { preview, ...approval } = part.approval;
    if (isDecided(part)) return { ...part, approval };
    const { result: text } = beginningOf(preview.text, share);
    return { ...part, approval: { ...approval, preview: { ...preview, text } } };
  });
}
