import { useEffect, useState, type MouseEvent } from "react";
import type { MessageHit } from "../api/memory-calls.ts";
import { useApi } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";

interface MessageHitsProps {
  readonly hits: readonly MessageHit[];
  readonly addressOf: (id: string, turn: string) => string;
  /** At the turn in which it was said. */
  readonly onOpen: (id: string, turn: string) => void;
}

/** Where the words of a search were said, below the conversations of which the titles have them. */
export function MessageHits({ hits, addressOf, onOpen }: MessageHitsProps) {
  const { app } = useWords();
  if (hits.length === 0) return null;
  return (
    <section className="list-group" aria-label={app.list.inMessages}>
      <h2 className="list-day">{app.list.inMessages}</h2>
      <ul className="list-entries">
        {hits.map(({ conversation_id: id, turn_id: turn, title, excerpt: { text, from, to } }, index) => (
          <li key={`${id} ${turn}`} className="list-entry">
            <a
              className="list-link list-hit"
              href={addressOf(id, turn)}
              tabIndex={index === 0 ? 0 : -1}
              onClick={(event: MouseEvent) => {
                // Another tab or window is the browser's.
                if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
                event.preventDefault();
                onOpen(id, turn);
              }}
            >
              <span className="list-title">{title === "" ? app.untitled : title}</span>
              <span className="list-excerpt">
                {text.slice(0, from)}
                <mark>{text.slice(from, to)}</mark>
                {text.slice(to)}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What was said with the words of a search. Titles are found without it: where it cannot be asked for there is none. */
export function useMessageHits(words: string): readonly MessageHit[] {
  const api = useApi();
  const [found, setFound] = useState<{ readonly words: string; readonly hits: readonly MessageHit[] }>();
  useEffect(() => {
    if (words === "") return undefined;
    const leaving = new AbortController();
    api.searchMessages(words, leaving.signal).then(
      (hits) => setFound({ words, hits }),
      () => {},
    );
    return () => leaving.abort();
  }, [api, words]);
  return found !== undefined && found.words === words ? found.hits : [];
}
