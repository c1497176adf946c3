/** Something that a person can put right; its message is all they are shown. */
export class SetupError extends Error {
  name = "SetupError";
}

/** Ctrl-C or SIGTERM while the set-up was running. */
export class StoppedError extends Error {
  name = "StoppedError";
}

/** What a person reads when a script ends early: their own problem as a sentence, ours with a way to tell us more. */
export function describeFailure(error) {
  if (error instanceof SetupError) return error.message;
  if (error instanceof StoppedError) return `Interrupted: ${error.message}.`;
  const message = error instanceof Error ? error.message : String(error);
  const sentence = `This is a fault in Parley's scripts; please report it: ${message}`;
  return process.env.LOG_LEVEL === "debug" && error instanceof Error ? `${sentence}\n${error.stack}` : sentence;
}
