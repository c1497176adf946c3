import type { SourcePart } from "@parley/protocol";
import { isSource, type MessageView } from "@parley/protocol/fold";
import { useMemo, useState } from "react";
import { linkAddress } from "../text/addresses.ts";
import { Icon } from "../ui/icon.tsx";
import { Modal } from "../ui/modal.tsx";
import { useWords } from "../words/use-words.ts";

/** The passages that an answer may rest on: numbered, each with a reader. */
export function Sources({ parts, place }: { readonly parts: MessageView["parts"]; readonly place: string }) {
  const { message: words } = useWords();
  const [open, setOpen] = useState<number>();
  const sources = useMemo(() => parts.filter(isSource), [parts]);
  if (sources.length === 0) return null;
  const shown = open === undefined ? undefined : sources[open];
  return (
    <>
      <ol className="message-sources" aria-label={words.sources.name}>
        {sources.map(({ title }, index) => (
          <li key={index} id={`${place}${index + 1}`}>
            <button type="button" className="message-source" title={title} onClick={() => setOpen(index)}>
              <span className="message-source-number" aria-hidden="true">
                {index + 1}
              </span>
              <span className="message-source-title">{title}</span>
            </button>
          </li>
        ))}
      </ol>
      {open !== undefined && shown !== undefined && (
        <Reader source={shown} place={open} all={sources.length} onMove={setOpen} onClose={() => setOpen(undefined)} />
      )}
    </>
  );
}

interface ReaderProps {
  readonly source: SourcePart;
  readonly place: number;
  readonly all: number;
  readonly onMove: (place: number) => void;
  readonly onClose: () => void;
}

function Reader({ source, place, all, onMove, onClose }: ReaderProps) {
  const { message: words } = useWords();
  const { title, passage } = source;
  return (
    <Modal className="ui-dialog message-reader" label={words.sources.dialog(title)} onClose={onClose}>
      <div className="message-reader-content">
        <header className="message-reader-head">
          <h2 className="ui-dialog-title">{title}</h2>
          <button
            type="button"
            className="ui-icon-button"
            aria-label={words.sources.close}
            title={words.sources.close}
            onClick={onClose}
          >
            <Icon name="close" />
          </button>
        </header>
        {passage === undefined || passage === "" ? (
          <p className="message-quiet">{words.sources.noPassage}</p>
        ) : (
          <blockquote className="message-passage" aria-label={words.sources.passage} tabIndex={0}>
            {passage}
          </blockquote>
        )}
        <Facts source={source} />
        {all > 1 && <Steps place={place} all={all} onMove={onMove} />}
      </div>
    </Modal>
  );
}

function Facts({ source: { file, url, score } }: { readonly source: SourcePart }) {
  const { message: words, formats } = useWords();
  const address = url === undefined ? undefined : linkAddress(url);
  return (
    <dl className="message-facts">
      {file !== undefined && <Fact name={words.sources.file}>{file}</Fact>}
      {url !== undefined && (
        <Fact name={words.sources.address}>
          {address === undefined ? (
            url
          ) : (
            <a href={address} target="_blank" rel="noopener noreferrer nofollow">
              {url}
            </a>
          )}
        </Fact>
      )}
      {score !== undefined && (
        <Fact name={words.sources.score}>
          <span title={words.sources.scoreWhy}>{formats.number(score, { maximumFractionDigits: 2 })}</span>
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Steps({ place, all, onMove }: Pick<ReaderProps, "place" | "all" | "onMove">) {
  const { message: words } = useWords();
  return (
    <div className="message-reader-steps">
      <button
        type="button"
        className="ui-button ui-button-small"
        disabled={place === 0}
        onClick={() => onMove(place - 1)}
      >
        {words.sources.previous}
      </button>
      <span className="message-quiet">{words.sources.place(place + 1, all)}</span>
      <button
        type="button"
        className="ui-button ui-button-small"
        disabled={place === all - 1}
        onClick={() => onMove(place + 1)}
      >
        {words.sources.next}
      </button>
    </div>
  );
}
