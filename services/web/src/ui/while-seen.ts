/** At once, in these intervals while the page is seen, and whenever somebody comes back to it. Returns the function that ends it. */
export function whileSeen(work: () => void, everyMs: number): () => void {
  const workIfSeen = (): void => {
    if (!document.hidden) work();
  };
  workIfSeen();
  const timer = setInterval(workIfSeen, everyMs);
  document.addEventListener("visibilitychange", workIfSeen);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", workIfSeen);
  };
}
