import type { Outcome } from "@parley/protocol";
import { useErrorSentence } from "../api/use-api.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { useWords, type Words } from "../words/use-words.ts";

/** How an answer ended, where that is not simply its end. */
export function AnswerEnd({ outcome }: { readonly outcome: Outcome }) {
  const end = useEnd(outcome);
  if (end === undefined) return null;
  return (
    <p className="message-end" data-kind={end.kind}>
      <Icon name={icons[end.kind]} />
      <span>{end.sentence}</span>
    </p>
  );
}

/** Undefined: it is whole, or goes on. */
export function useEnd(outcome: Outcome | undefined): End | undefined {
  const words = useWords();
  const errorSentence = useErrorSentence();
  if (outcome === undefined) return undefined;
  return outcome.type === "error" ? failureOf(outcome, words, errorSentence) : endOf(outcome, words.message.end);
}

interface End {
  readonly kind: "error" | "warning" | "stopped";
  readonly sentence: string;
}

const icons: Readonly<Record<End["kind"], IconName>> = { error: "alert", warning: "alert", stopped: "stop" };

type EndWords = Words["message"]["end"];

function endOf(outcome: Exclude<Outcome, { type: "error" }>, words: EndWords): End | undefined {
  if (outcome.type === "cancelled") return { kind: "stopped", sentence: cancelledWords(outcome.reason, words) };
  const finish = outcome.metadata.finish ?? "stop";
  const sentence = new Map([
    ["length", words.length],
    ["content_filter", words.contentFilter],
    ["empty", words.empty],
    ["other", words.other],
  ]).get(finish);
  return sentence === undefined ? undefined : { kind: "warning", sentence };
}

function cancelledWords(reason: string, words: EndWords): string {
  if (reason === "cancelled by user") return words.stopped;
  if (reason === "interrupted") return words.interrupted;
  return reason === "taken back" ? words.takenBack : words.cancelled;
}

function failureOf(
  outcome: Extract<Outcome, { type: "error" }>,
  { message: { end }, formats }: Words,
  errorSentence: (error: unknown) => string,
): End {
  const { code, error, retryable, retry_after_ms: afterMs } = outcome;
  // What a guard says is in the words of whoever runs the service, in the language of their users.
  const isOwnWords = code === "BLOCKED" && error !== "";
  const what = isOwnWords ? error : errorSentence(Object.assign(new Error(error), { code }));
  const again =
    // A quota that is used up is renewed: until then the same does not help, and then it does.
    afterMs !== undefined && afterMs >= 1_000
      ? end.retryIn(formats.duration(Math.ceil(afterMs / 1_000) * 1_000))
      : retryable
        ? end.retryable
        : end.notRetryable;
  return { kind: "error", sentence: `${what} ${again}` };
}
