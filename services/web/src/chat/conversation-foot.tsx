import type { Conversation, SendOptions } from "@parley/client";
import { messages, textOf, type FilePart } from "@parley/protocol/fold";
import type { Ref } from "react";
import type { Offers } from "../api/answers.ts";
import { useWords } from "../words/use-words.ts";
import { ChoicePickers } from "./choice-pickers.tsx";
import { sendOptionsOf, useChoice } from "./choice.ts";
import { Composer, type ComposerHandle } from "./composer.tsx";
import { ReplyBar } from "./reply-bar.tsx";
import { RoomProblem } from "./room-problem.tsx";
import { TypingLine } from "./typing-line.tsx";
import type { BoxFiles } from "./use-attachments.ts";
import type { Running, Shown } from "./use-pane.ts";
import type { RoomPane } from "./use-room-pane.ts";
import type { Here } from "./use-room.ts";
import { WaitingMessages } from "./waiting-messages.tsx";

interface FootProps {
  readonly ref: Ref<ComposerHandle>;
  readonly conversation: Conversation;
  readonly shown: Shown;
  readonly running: Running;
  readonly offers: Offers | undefined;
  readonly here: Here;
  readonly room: RoomPane;
  readonly draftOf: string;
  readonly onSend: (text: string, options: SendOptions) => boolean;
  readonly onFocusLost: () => void;
  readonly files: BoxFiles | undefined;
}

/** What waits, and the box. */
export function Foot({ ref, conversation, shown, running, offers, here, room, ...props }: FootProps) {
  const { draftOf, onSend, onFocusLost, files } = props;
  const { room: words } = useWords();
  const [choice, setChoice] = useChoice(conversation.id, offers);
  const send = (text: string, atOnce: boolean, parts: readonly FilePart[] = []) => {
    const brought = parts.length === 0 ? {} : { parts: [...parts] };
    return onSend(text, { ...sendOptionsOf(choice), ...brought, on_busy: atOnce ? "interrupt" : "enqueue" });
  };
  if (!here.mayWrite) return <footer className="chat-foot ui-note people-reads-only">{words.readsOnly}</footer>;
  return (
    <footer className="chat-foot">
      <RoomProblem problem={room.problem} onClose={room.forgetProblem} />
      <TypingLine conversation={conversation} here={here} />
      <ReplyBar quoted={room.quoted} onStop={room.stopReplying} />
      <WaitingMessages
        conversation={conversation}
        waiting={shown.waiting}
        onSend={(text) => send(text, false)}
        onFocusLost={onFocusLost}
      />
      <Composer
        ref={ref}
        draftOf={draftOf}
        running={running.state}
        onSend={(text, atOnce) => send(text, atOnce, partsIn(files))}
        files={files}
        onStop={running.stop}
        lastOwn={() => lastOwn(conversation)}
        candidates={room.candidates}
        onTyping={room.typing}
        onRecall={room.recall}
        pickers={<ChoicePickers offers={offers} choice={choice} onChange={setChoice} />}
      />
    </footer>
  );
}

function partsIn(files: BoxFiles | undefined): FilePart[] {
  return (files?.items ?? []).flatMap(({ part }) => (part === undefined ? [] : [part]));
}

function lastOwn(conversation: Conversation): string | undefined {
  const own = messages(conversation.view).findLast(({ author }) => author.role === "user");
  return own === undefined ? undefined : textOf(own.parts);
}
