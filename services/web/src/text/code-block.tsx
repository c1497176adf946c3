import { memo, useEffect, useMemo, useState } from "react";
import { useWords } from "../words/use-words.ts";
import { CopyButton } from "./copy-button.tsx";
import { languageFor, languageTitle, loadHighlighter, type Highlight } from "./highlighting.ts";

export interface CodeBlockProps {
  readonly code: string;
  /** As the model called it. */
  readonly language: string;
  /** It is still being written: shown as plain text. */
  readonly isOpen?: boolean;
}

/** Colouring takes time that grows with the text. */
const colouredChars = 24_000;

export const CodeBlock = memo(function CodeBlock({ code, language, isOpen = false }: CodeBlockProps) {
  const { text } = useWords().message;
  const title = languageTitle(language);
  const html = useColours(code, isOpen || code.length > colouredChars ? undefined : languageFor(language));
  return (
    <figure className="text-code" aria-label={title === "" ? text.code : text.codeIn(title)}>
      <figcaption className="text-code-head">
        <span className="text-code-language">{title}</span>
        <CopyButton text={code} name={text.copyCode} />
      </figcaption>
      {/* Wide ones scroll, and the keyboard has to be able to do that. */}
      <pre className="text-code-body" tabIndex={0}>
        {html === undefined ? <PlainCode code={code} /> : <code dangerouslySetInnerHTML={{ __html: html }} />}
      </pre>
    </figure>
  );
});

/** Coloured text as HTML, which the highlighter has escaped; undefined: not (yet). */
function useColours(code: string, language: string | undefined): string | undefined {
  const [coloured, setColoured] = useState<{ readonly code: string; readonly html: string }>();
  useEffect(() => {
    if (language === undefined) return undefined;
    let isGone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const colour = (highlight: Highlight): void => {
      // Each block in a task of its own: a conversation that is opened may have a hundred.
      timer = setTimeout(() => !isGone && setColoured({ code, html: highlight(code, language) }));
    };
    // Without it the code is plain: the file may belong to an older build, or there is no network.
    loadHighlighter().then(colour, () => undefined);
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [code, language]);
  return coloured?.code === code && language !== undefined ? coloured.html : undefined;
}

/** In pieces, each a box of its own: when text is added behind a long one, only the last has to be laid out anew. */
const pieceLines = 100;

function PlainCode({ code }: { readonly code: string }) {
  const pieces = useMemo(() => piecesOf(code), [code]);
  return (
    <code>
      {pieces.map((piece, index) => (
        <Piece key={index} text={piece} />
      ))}
    </code>
  );
}

const Piece = memo(function Piece({ text }: { readonly text: string }) {
  return <span className="text-code-piece">{text}</span>;
});

function piecesOf(code: string): string[] {
  const pieces: string[] = [];
  let [start, lines] = [0, 0];
  for (let end = code.indexOf("\n"); end !== -1; end = code.indexOf("\n", end + 1)) {
    lines += 1;
    if (lines < pieceLines) continue;
    pieces.push(code.slice(start, end + 1));
    [start, lines] = [end + 1, 0];
  }
  if (start < code.length) pieces.push(code.slice(start));
  return pieces;
}
