import { useWords } from "../words/use-words.ts";

/** When a message was written; all of the date for who points at it. */
export function Time({ ts }: { readonly ts: number | undefined }) {
  const { formats } = useWords();
  if (ts === undefined || !Number.isFinite(ts) || Number.isNaN(new Date(ts).getTime())) return null;
  return (
    <time className="message-time" dateTime={new Date(ts).toISOString()} title={formats.full(ts)}>
      {formats.time(ts)}
    </time>
  );
}
