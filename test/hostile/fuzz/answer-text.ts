/** What nobody outside may read: a stack, a file of the server, the words of the libraries inside, an error that was not foreseen. */
const inner: readonly (readonly [RegExp, string])[] = [
  [/"code":"PROCESSING_ERROR"/, "an error that nobody foresaw"],
  [/\n\s+at |\\n\s+at [\w.<]+ ?\(/, "a stack trace"],
  [/node_modules|file:\/\/\/|\/dist\/|\.js:\d+/, "a file of the server"],
  [
    /ZodError|SyntaxError|TypeError|RangeError|JetStream|ECONNREFUSED|Unexpected token|at position \d/,
    "words of a library",
  ],
  [/\[object Object\]|: undefined|NaN is/, "a value that was not meant for reading"],
];

/** Why an answer must not be given as it is. What the sender had written himself is not in it: inputs have none of these words. */
export function textProblem(text: string): string | undefined {
  return inner.find(([pattern]) => pattern.test(text))?.[1];
}
