import type { Invite, Member } from "@parley/protocol/fold";
import { useCallback, useEffect, useRef, useState } from "react";
import type { PeopleOf } from "../api/people-calls.ts";
import { useApi } from "../api/use-api.ts";

export interface People {
  /** Undefined: they are asked for. */
  readonly members: readonly Member[] | undefined;
  readonly invites: readonly Invite[];
  readonly problem: unknown;
  /** Does something to them, and asks for them again. True: it was done. */
  readonly act: (work: Promise<unknown>) => Promise<boolean>;
}

/** All members and invitations, asked for anew with each change of the room. */
export function usePeople(conversationId: string, version: number): People {
  const api = useApi();
  const [people, setPeople] = useState<PeopleOf & { readonly version: number }>();
  const [problem, setProblem] = useState<unknown>();
  const asked = useRef(0);
  const load = useCallback(
    (asOf: number) => {
      const nth = ++asked.current;
      // Of several answers the last one that was asked for counts.
      const ifLatest = (work: () => void): void => {
        if (nth === asked.current) work();
      };
      return api.people(conversationId).then(
        (found) => ifLatest(() => setPeople({ ...found, version: asOf })),
        (thrown: unknown) => ifLatest(() => setProblem(thrown)),
      );
    },
    [api, conversationId],
  );
  useEffect(() => void load(version), [load, version]);
  const act = useCallback(
    async (work: Promise<unknown>) => {
      setProblem(undefined);
      try {
        await work;
      } catch (thrown) {
        setProblem(thrown);
        return false;
      }
      await load(version);
      return true;
    },
    [load, version],
  );
  return { members: people?.members, invites: people?.invites ?? [], problem, act };
}
