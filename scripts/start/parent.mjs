const POLL_MS = 1000;

/** Calls `onGone` when npm, which started us, was killed: nobody could stop us with Ctrl-C any more. */
export function watchParent(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone("npm has gone");
  }, POLL_MS);
  timer.unref();
}
