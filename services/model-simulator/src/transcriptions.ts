import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { badRequest, sendError, sendJson } from "./api-error.ts";
import type { RequestJournal } from "./request-journal.ts";

/** Answers `POST /v1/audio/transcriptions`: that a recording came, and which. Nothing is heard. */
export function createTranscriptions(journal: RequestJournal) {
  return (req: IncomingMessage, res: ServerResponse, body: Buffer): void => {
    const recording = fileIn(body, boundaryOf(req.headers["content-type"] ?? ""));
    if (recording === undefined) return sendError(res, badRequest("The request has no file.", "file"));
    const hash = createHash("sha256").update(recording).digest("hex").slice(0, 12);
    const told = `a recording of ${recording.length} bytes, sha256 ${hash}`;
    const opened = journal.open({
      model: "transcription",
      clientRequestId: undefined,
      stream: false,
      lastUserMessage: told,
    });
    const text = `This is a simulated transcript: nothing was heard of ${told}.`;
    sendJson(res, 200, JSON.stringify({ text }));
    opened.end("completed");
  };
}

function boundaryOf(contentType: string): string | undefined {
  return /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
}

/** The content of the part that is a file. */
function fileIn(body: Buffer, boundary: string | undefined): Buffer | undefined {
  if (boundary === undefined) return undefined;
  const mark = Buffer.from(`--${boundary}`);
  for (let at = body.indexOf(mark); at >= 0;) {
    const next = body.indexOf(mark, at + mark.length);
    const start = body.indexOf("\r\n\r\n", at);
    if (next < 0 || start < 0) return undefined;
    if (/filename=/i.test(body.toString("latin1", at, start))) return body.subarray(start + 4, next - 2);
    at = next;
  }
  return undefined;
}
