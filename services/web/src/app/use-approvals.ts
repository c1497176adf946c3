import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { OpenApproval } from "../api/answers.ts";
import { ApiError } from "../api/api-error.ts";
import type { Api } from "../api/api.ts";
import { useApi } from "../api/use-api.ts";
import { whileSeen } from "../ui/while-seen.ts";

interface ApprovalsState {
  /** Undefined: not known yet. */
  readonly items: readonly OpenApproval[] | undefined;
  /** False: this person decides for nobody else, as far as is known. */
  readonly isAllowed: boolean;
  /** Why it could not be asked the last time. */
  readonly error: unknown;
}

export interface Approvals extends ApprovalsState {
  readonly reload: () => void;
}

const pollMs = 15_000;

/**
 * What waits for this person's word in other people's conversations; asked for while the page is seen, and never again where that is forbidden.
 * `mayApprove`: undefined where the server does not say; false: it need not be asked.
 */
export function useOthersApprovals(mayApprove: boolean | undefined): Approvals {
  const api = useApi();
  const { read, subscribe, ask } = useMemo(() => createQuestions(api), [api]);
  useEffect(() => {
    return mayApprove === false ? undefined : whileSeen(ask, pollMs);
  }, [ask, mayApprove]);
  const state = useSyncExternalStore(subscribe, read, read);
  return { ...(mayApprove === false ? nothing : state), reload: ask };
}

const nothing: ApprovalsState = { items: [], isAllowed: false, error: undefined };

/** What it changes of the state. */
async function answerOf(api: Pick<Api, "openApprovals">): Promise<Partial<ApprovalsState> | "forbidden"> {
  try {
    return { items: await api.openApprovals(), isAllowed: true, error: undefined };
  } catch (error) {
    const isForbidden = error instanceof ApiError && (error.status === 403 || error.status === 404);
    return isForbidden ? "forbidden" : { error };
  }
}

function createQuestions(api: Pick<Api, "openApprovals">) {
  const listeners = new Set<() => void>();
  let state: ApprovalsState = { items: undefined, isAllowed: false, error: undefined };
  let isForbidden = false;
  let asked = 0;
  /** The latest question whose answer is shown. */
  let shown = 0;

  const set = (next: ApprovalsState): void => {
    state = next;
    for (const listener of listeners) listener();
  };
  const load = async (): Promise<void> => {
    asked += 1;
    const turn = asked;
    const answer = await answerOf(api);
    // One that was overtaken says what was true before. (Not: one behind which another question is on its way. A slow server is always asked again.)
    if (turn < shown) return;
    shown = turn;
    isForbidden = answer === "forbidden";
    set(answer === "forbidden" ? nothing : { ...state, ...answer });
  };
  return {
    read: () => state,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    ask: () => void (isForbidden || load()),
  };
}
