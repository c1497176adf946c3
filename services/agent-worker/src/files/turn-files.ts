import { messageIdOf, turnOfMessage, type StoredTurn } from "@parley/protocol";
import type { Agent } from "../agents/agent.ts";
import type { Chain } from "../chain.ts";
import type { ClaimedTurn } from "../claimed-turn.ts";
import type { FenceOf } from "../fences.ts";
import { attachedFiles, readNow } from "./attached-files.ts";
import type { FileContent } from "./file-content.ts";
import type { ReadFiles } from "./file-contents.ts";
import { showFiles, type ShownFiles } from "./shown-files.ts";

/** The files of a conversation in the hands of a turn. */
export interface TurnFiles {
  /** What the model is shown of them, with so much room for all that it is given. */
  shown(maxBytes: number): ShownFiles;
  /** What the files of the message say, for whoever looks at it before the model does. */
  readonly askedText: string;
}

export interface TurnFilesDeps {
  readonly readFiles: ReadFiles;
  readonly fenceOf: FenceOf;
}

export interface FilesOf {
  readonly turn: Pick<ClaimedTurn, "request" | "room" | "stop">;
  readonly history: readonly StoredTurn[];
  readonly agent: Pick<Agent, "maskBeforeProvider">;
  readonly chain: Pick<Chain, "push">;
  /** Whether viewers have been told already, by a worker this one took over from. */
  readonly isTold: (step: string, message: string) => boolean;
}

export type TurnFilesOf = (of: FilesOf) => Promise<TurnFiles | undefined>;

/** Undefined: the conversation has none; then nothing is looked up. */
export function createTurnFiles({ readFiles, fenceOf }: TurnFilesDeps): TurnFilesOf {
  return async ({ turn: { request, room, stop }, history, agent, chain, isTold }) => {
    // Whoever brings the conversation itself brings its files with it.
    const before = request.given?.messages === undefined ? history : [];
    const attached = attachedFiles({ request, history: before, room: await room });
    if (attached.length === 0) return undefined;
    const tell = (message: string): void => {
      if (!isTold("files", message)) chain.push({ type: "progress", step: "files", message });
    };
    const contents = await readFiles(readNow(attached), {
      conversation: request.conversation_id,
      isTextOnly: agent.maskBeforeProvider === true,
      tell,
      signal: stop.signal,
    });
    const fenceOfMessage = (messageId: string): string => fenceOf(turnOfMessage(messageId) ?? messageId);
    const asked = messageIdOf(request.turn_id, "user");
    return {
      shown: (maxBytes) => showFiles({ attached, contents, fenceOf: fenceOfMessage, maxBytes }),
      askedText: attached
        .filter(({ messageId }) => messageId === asked)
        .flatMap(({ file }) => textIn(contents.get(file.file_id)))
        .join("\n\n"),
    };
  };
}

function textIn(content: FileContent | undefined): string[] {
  return content?.kind === "text" ? [content.text] : [];
}
