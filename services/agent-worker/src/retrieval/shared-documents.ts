import { createHash } from "node:crypto";
import { knowledgeLimits } from "@parley/protocol";
import { announceEveryMs, type AnnouncedDocument, type KnowledgeBoard } from "@parley/bus";
import type { Logger } from "@parley/runtime";
import type { Agent } from "../agents/agent.ts";
import type { KnowledgeDocument } from "./passage.ts";

/** What edges are told of, and files of which they are not. */
export interface SharedDocuments {
  readonly shared: readonly AnnouncedDocument[];
  readonly leftOut: readonly string[];
}

/** Documents that agents have, within what Redis is to keep. Those that no agent has are nobody's to read. The same for every worker with the same files. */
export function sharedDocuments(
  documents: readonly Pick<KnowledgeDocument, "collection" | "file" | "title" | "text">[],
  agents: readonly Pick<Agent, "name" | "collections">[],
): SharedDocuments {
  const shared: AnnouncedDocument[] = [];
  const leftOut: string[] = [];
  let allBytes = 0;
  for (const { collection, file, title, text: read } of documents) {
    const names = agents.filter(({ collections }) => collections.includes(collection)).map(({ name }) => name);
    if (names.length === 0) continue;
    const text = read.toWellFormed();
    const bytes = Buffer.byteLength(text);
    const fits =
      shared.length < knowledgeLimits.documents &&
      bytes <= knowledgeLimits.documentBytes &&
      allBytes + bytes <= knowledgeLimits.allBytes &&
      file.length <= knowledgeLimits.fileChars;
    if (!fits) {
      leftOut.push(file);
      continue;
    }
    allBytes += bytes;
    const hash = createHash("sha256").update(text).digest("hex");
    const shortTitle = title.slice(0, knowledgeLimits.titleChars).toWellFormed();
    shared.push({ file, title: shortTitle, bytes, hash, agents: names.slice(0, 64), text });
  }
  return { shared, leftOut };
}

export interface SharingDeps {
  /** What there is at the moment. */
  readonly documents: () => SharedDocuments;
  readonly board: Pick<KnowledgeBoard, "announce">;
  readonly redis: {
    on(event: "ready", listener: () => void): unknown;
    off(event: "ready", listener: () => void): unknown;
  };
  readonly log: Logger;
}

/** Tells the edges of them, again and again. Returns how to stop. */
export function keepSharing({ documents, board, redis, log }: SharingDeps): () => void {
  let told = "";
  let isRunning = false;
  const announce = (): void => {
    if (isRunning) return;
    isRunning = true;
    const { shared, leftOut } = documents();
    if (leftOut.length > 0 && leftOut.join() !== told)
      log.warn(
        { files: leftOut.slice(0, 20), count: leftOut.length },
        "documents are too large, or too many, for clients to read",
      );
    told = leftOut.join();
    // While Redis is away nothing needs to be done: when it is ready again, perhaps without its data, this runs again.
    board
      .announce(shared)
      .catch((err: unknown) => log.debug({ err }, "the documents could not be announced"))
      .finally(() => (isRunning = false));
  };
  const timer = setInterval(announce, announceEveryMs);
  redis.on("ready", announce);
  announce();
  return () => {
    clearInterval(timer);
    redis.off("ready", announce);
  };
}
