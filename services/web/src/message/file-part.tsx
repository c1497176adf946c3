import type { FilePart } from "@parley/protocol/fold";
import { useState } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { sizeWords } from "./size-words.ts";
import { useFile, type ShownFile } from "./use-file.ts";

/** What every browser shows and none runs anything of. */
const images: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);
/** Larger ones are loaded when somebody asks for them. */
const shownBytes = 8 * 1024 * 1024;

/** The files of a message, one below the other. */
export function FileParts({ files }: { readonly files: readonly FilePart[] }) {
  if (files.length === 0) return null;
  return (
    <div className="message-files">
      {files.map((part) => (
        <FileView key={part.file_id} part={part} />
      ))}
    </div>
  );
}

/** An image as it is, sound with a player, anything else by its name: to be saved. */
export function FileView({ part }: { readonly part: FilePart }) {
  const { message: words } = useWords();
  const { file_id: id, name, media_type: type, bytes } = part;
  const isImage = images.has(type);
  const isSound = type.startsWith("audio/");
  const isShown = (isImage || isSound) && bytes <= shownBytes;
  // No image after all, or one that the page around an embedded chat does not let in.
  const [isBroken, setBroken] = useState(false);
  const { file, place, load, save } = useFile(part, isShown);
  return (
    <figure className="message-file" ref={place} aria-label={words.file.name(name)} data-file={id}>
      {isImage && file.state === "there" && !isBroken && (
        <img className="message-file-image" src={file.url} alt={name} onError={() => setBroken(true)} />
      )}
      {isSound && file.state === "there" && (
        <audio className="message-file-sound" controls src={file.url} aria-label={words.file.play(name)} />
      )}
      <figcaption className="message-file-line">
        <Icon name={isSound ? "microphone" : "document"} />
        <Title part={part} />
        <Buttons {...{ name, file, load, save }} canShow={(isImage || isSound) && !isShown} />
      </figcaption>
      <Problem file={file} />
    </figure>
  );
}

function Title({ part: { name, bytes } }: { readonly part: FilePart }) {
  const { formats } = useWords();
  return (
    <span className="message-file-text">
      <span className="message-file-name" dir="auto" title={name}>
        {name}
      </span>
      <span className="message-quiet">{sizeWords(bytes, formats)}</span>
    </span>
  );
}

interface ButtonsProps {
  readonly name: string;
  readonly file: ShownFile;
  readonly load: () => void;
  readonly save: () => Promise<void>;
  /** It is large, and not loaded by itself. */
  readonly canShow: boolean;
}

function Buttons({ name, file, load, save, canShow }: ButtonsProps) {
  const { message: words } = useWords();
  const [isSaving, setSaving] = useState(false);
  if (file.state === "gone") return null;
  const onSave = (): void => {
    if (isSaving) return;
    setSaving(true);
    void save().finally(() => setSaving(false));
  };
  return (
    <>
      {canShow && file.state === "unasked" && (
        <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={load}>
          {words.file.show}
        </button>
      )}
      <button
        type="button"
        className="ui-icon-button"
        aria-label={words.file.save(name)}
        title={words.file.save(name)}
        aria-disabled={isSaving}
        onClick={onSave}
      >
        {isSaving ? <span className="ui-spinner" /> : <Icon name="download" />}
      </button>
    </>
  );
}

function Problem({ file }: { readonly file: ShownFile }) {
  const { message: words } = useWords();
  const sentenceOf = useErrorSentence();
  if (file.state === "gone") return <p className="message-quiet">{words.file.gone}</p>;
  if (file.state !== "failed") return null;
  return (
    <p className="ui-error" role="alert">
      {words.file.failed(sentenceOf(file.error))}
    </p>
  );
}
