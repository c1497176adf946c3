import { parentPort, workerData } from "node:worker_threads";
import { documentKinds } from "@parley/protocol";
import { z } from "zod";
import { DocumentError } from "./document-kind.ts";
import { readDocument } from "./read-document.ts";

/** A thread that reads one document, and says what it read. `document-reader.ts` starts it, and ends it when it takes too much. */
const DocumentFile = z.object({ kind: z.enum(documentKinds), name: z.string(), bytes: z.instanceof(Uint8Array) });

const answer = await readDocument(DocumentFile.parse(workerData)).then(
  (read) => ({ read }),
  (error: unknown) => ({ problem: error instanceof DocumentError ? error.message : "cannot be read" }),
);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
parentPort?.postMessage(answer);
