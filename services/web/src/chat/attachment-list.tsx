import { useErrorSentence } from "../api/use-api.ts";
import { sizeWords } from "../message/size-words.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import type { Attachment } from "./attachments.ts";
import type { BoxFiles } from "./use-attachments.ts";

/** The files beside the box: how far each is, and what can be done with it. */
export function AttachmentList({ files }: { readonly files: BoxFiles }) {
  const { chat } = useWords();
  if (files.items.length === 0 && files.leftOut === 0) return null;
  return (
    <>
      <ul className="chat-files" aria-label={chat.files.list}>
        {files.items.map((item) => (
          <Item key={item.key} item={item} files={files} />
        ))}
      </ul>
      {files.leftOut > 0 && (
        <p className="ui-error chat-note" role="alert">
          {chat.files.tooMany(files.items.length, files.leftOut)}
        </p>
      )}
    </>
  );
}

interface ItemProps {
  readonly item: Attachment;
  readonly files: Pick<BoxFiles, "remove" | "retry">;
}

function Item({ item, files }: ItemProps) {
  const { chat, formats } = useWords();
  const problem = useProblem(item);
  const { key, name, bytes, state, sent } = item;
  const words = chat.files;
  return (
    <li className="chat-file" data-state={state}>
      <Icon name={iconOf(item.mediaType)} />
      <span className="chat-file-text">
        <span className="chat-file-name" dir="auto" title={name}>
          {name}
        </span>
        {problem === undefined ? (
          <span className="chat-file-size">{sizeWords(bytes, formats)}</span>
        ) : (
          <span className="ui-error" role="alert">
            {problem}
          </span>
        )}
      </span>
      {state === "uploading" && (
        <progress
          className="chat-file-progress"
          aria-label={words.progress(name)}
          max={Math.max(1, bytes)}
          value={sent}
        />
      )}
      {state === "failed" && item.problem?.kind === "failed" && (
        <IconButton name={words.retry(name)} icon="retry" onClick={() => files.retry(key)} />
      )}
      <IconButton
        name={state === "uploading" ? words.cancel(name) : words.remove(name)}
        icon="close"
        onClick={() => files.remove(key)}
      />
    </li>
  );
}

interface IconButtonProps {
  readonly name: string;
  readonly icon: IconName;
  readonly onClick: () => void;
}

function IconButton({ name, icon, onClick }: IconButtonProps) {
  return (
    <button type="button" className="ui-icon-button" aria-label={name} title={name} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

function useProblem({ problem }: Attachment): string | undefined {
  const { chat, formats } = useWords();
  const sentenceOf = useErrorSentence();
  switch (problem?.kind) {
    case undefined:
      return undefined;
    case "empty":
      return chat.files.empty;
    case "tooLarge":
      return chat.files.tooLarge(sizeWords(problem.most, formats));
    case "failed":
      return sentenceOf(problem.error);
  }
}

function iconOf(mediaType: string): IconName {
  return mediaType.startsWith("audio/") ? "microphone" : "document";
}
