/** Bytes to send; milliseconds to wait; or how the connection ends from the client's side. */
export type Step = Uint8Array | number | "half-close" | "reset";

/** What must come of it. */
export type Outcome =
  /** These frames, each in a few words, and the connection goes on. */
  | { readonly goesOn: readonly string[] }
  /** A close frame with this code (1005: without one), and the end. */
  | { readonly closes: number }
  /**
   * The end, without a close frame: the answer of uWebSockets.js to what is against the rules. The RFC wants a close frame with a code first, as a
   * "should" (7.1.7); who breaks the rules of framing has lost his place in the bytes, and needs no code to know that it is he who is wrong.
   */
  | "cut";

/** One rule of RFC 6455, tried on a connection that is open. */
export interface FrameCase {
  readonly name: string;
  /** Of the RFC. */
  readonly section: string;
  readonly sends: readonly Step[];
  readonly gives: Outcome;
  /** What the RFC wants instead, and why this will do. */
  readonly deviates?: string;
}

/** Ten cases in ten lines. */
export function inSection(section: string) {
  return (name: string, sends: FrameCase["sends"], gives: Outcome, deviates?: string): FrameCase => ({
    name,
    section,
    sends,
    gives,
    ...(deviates === undefined ? {} : { deviates }),
  });
}

/** The shortest frame that is answered without a token. */
export const jsonPing = '{"type":"ping"}';
export const pong: Outcome = { goesOn: ["pong"] };
export const refused: Outcome = { goesOn: ["error INVALID_FRAME"] };
