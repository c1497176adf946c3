import { Worker, type WorkerOptions } from "node:worker_threads";
import type { DocumentKind } from "@parley/protocol";
import { z } from "zod";
import { DocumentError, documentLimits } from "./document-kind.ts";
import { readDocument, type DocumentFile, type ReadDocument } from "./read-document.ts";

const Answer = z.union([
  z.object({
    read: z.object({
      ...{ text: z.string(), title: z.string() },
      chunks: z.array(z.object({ title: z.string(), heading: z.string(), text: z.string() })),
    }),
  }),
  z.object({ problem: z.string() }),
]);

/** Read here while they are small: that takes some milliseconds, and nothing has to be loaded for them. */
const plainKinds: ReadonlySet<DocumentKind> = new Set(["markdown", "text"]);
const plainBytes = 256 * 1024;

/** Sources are not what a thread of Node runs: it has to load them by way of tsx. */
const isSource = import.meta.url.endsWith(".ts");
const threadUrl = new URL(`reading-thread.${isSource ? "ts" : "js"}`, import.meta.url);
const sourceCode = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(threadUrl.href)}); });`;
const threadCode: Pick<WorkerOptions, "eval" | "execArgv"> & { readonly code: string | URL } = isSource
  ? { code: sourceCode, eval: true, execArgv: ["--conditions=source"] }
  : { code: threadUrl, execArgv: [] };

export type DocumentReader = ReturnType<typeof createDocumentReader>;

/**
 * Reads documents that anybody may have made: each in a thread of its own with bounds on time and memory, one at a time, so that none of them can stop a
 * process that runs turns. Rejects with DocumentError.
 */
export function createDocumentReader(readMs: number = documentLimits.readMs) {
  let before: Promise<unknown> = Promise.resolve();
  return (file: DocumentFile): Promise<ReadDocument> => {
    if (plainKinds.has(file.kind) && file.bytes.length <= plainBytes) return readDocument(file);
    const reading = before.then(() => readInThread(file, readMs));
    before = reading.catch(() => {});
    return reading;
  };
}

async function readInThread(file: DocumentFile, readMs: number): Promise<ReadDocument> {
  const { code, ...how } = threadCode;
  const thread = new Worker(code, {
    ...how,
    workerData: file,
    // It needs none of the process's secrets, and what it prints is a library's word about somebody's file.
    ...{ env: {}, stdout: true, stderr: true },
    resourceLimits: { maxOldGenerationSizeMb: documentLimits.heapMb, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
  });
  try {
    return await answerOf(thread, readMs);
  } finally {
    await thread.terminate();
  }
}

function answerOf(thread: Worker, readMs: number): Promise<ReadDocument> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string, cause?: unknown): void => {
      clearTimeout(timer);
      reject(new DocumentError(why, { cause }));
    };
    const timer = setTimeout(() => refuse(`takes longer than ${readMs / 1_000} s to read`), readMs);
    thread.on("message", (message: unknown) => {
      const answer = Answer.safeParse(message).data;
      if (answer === undefined || "problem" in answer) return refuse(answer?.problem ?? "cannot be read");
      clearTimeout(timer);
      resolve(answer.read);
    });
    thread.on("error", (cause) => {
      const isFull = "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";
      refuse(isFull ? "takes too much memory to read" : "cannot be read", cause);
    });
    thread.on("exit", () => refuse("cannot be read"));
  });
}
