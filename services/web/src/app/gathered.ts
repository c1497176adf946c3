/** Calls `tell` within `ms` of the first of several calls, and once more when others came meanwhile: often enough for news, never for each of them. */
export function gathered(tell: () => void, ms: number): { readonly note: () => void; readonly stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isMore = false;
  const begin = (): void => {
    timer = setTimeout(() => {
      timer = undefined;
      tell();
      if (isMore) begin();
      isMore = false;
    }, ms);
  };
  return {
    note() {
      if (timer === undefined) begin();
      else isMore = true;
    },
    stop: () => clearTimeout(timer),
  };
}
