import type { Conversation } from "@parley/client";
import { newestMessages, type BranchMessage } from "@parley/protocol/branches";
import { createView, type ConversationView, type TranscriptMessage } from "@parley/protocol/fold";
import { useView, type HistoryView } from "@parley/react";
import { useMemo, useRef, useState } from "react";
import { useApi } from "../api/use-api.ts";
import type { Branching, Step } from "./branching.ts";

interface Chosen {
  /** The newest turn then. A later one makes its branch the one that is shown. */
  readonly newest: string | undefined;
  readonly messages: readonly BranchMessage[];
  readonly before: string | undefined;
  readonly isLoading: boolean;
  readonly error: unknown;
}

/** A branch that somebody looks at instead of that of the newest turn. */
export interface ChosenBranch {
  readonly messages: readonly BranchMessage[];
  readonly history: HistoryView;
  /** Its last turn: what is sent now goes behind it. */
  readonly leaf: string;
}

const none: readonly BranchMessage[] = [];

/** The branch that was chosen, until a new turn comes; read from the server, because a view has that of the newest turn alone. */
export function useChosenBranch(conversation: Conversation) {
  const api = useApi();
  const newest = useView(conversation, newestTurn);
  const [kept, setChosen] = useState<Chosen>();
  const chosen = kept?.newest === newest ? kept : undefined;
  const ways = useChoosing(conversation, newest, setChosen);

  const branch = useMemo((): ChosenBranch | undefined => {
    const leaf = chosen?.messages.at(-1)?.turn_id;
    if (chosen === undefined || leaf === undefined) return undefined;
    const { messages, before, isLoading, error } = chosen;
    const loadOlder = async () => {
      if (isLoading || before === undefined) return;
      setChosen({ ...chosen, isLoading: true, error: undefined });
      const next = await api.messages(conversation.id, before).then(
        (page) => ({ messages: [...shown(conversation.id, page.messages), ...messages], before: page.before }),
        (fault: unknown) => ({ error: fault }),
      );
      // Another one may have been chosen meanwhile.
      setChosen((now) => (now?.messages === messages ? { ...chosen, ...next } : now));
    };
    const history = { older: none, hasMore: before !== undefined, isLoading, error, loadOlder: () => void loadOlder() };
    return { messages, history, leaf };
  }, [api, conversation, chosen]);
  return { ...ways, branch };
}

interface Choosing extends Pick<Branching, "choose" | "takeFocus" | "problem"> {
  /** As `choose`, where no button was used. Never rejects. */
  readonly open: (turnId: string) => Promise<void>;
}

function useChoosing(
  conversation: Conversation,
  newest: string | undefined,
  setChosen: (chosen: Chosen | undefined) => void,
): Choosing {
  const api = useApi();
  const [problem, setProblem] = useState<Branching["problem"]>();
  const focus = useRef<{ readonly turnId: string; readonly step: Step }>(undefined);
  /** Only the last of several quick clicks counts. */
  const last = useRef(0);

  const ways = useMemo(() => {
    const choose = async (turnId: string, step?: Step) => {
      const nth = ++last.current;
      setProblem(undefined);
      focus.current = step && { turnId, step };
      if (newestMessages(conversation.view).some(({ turn_id }) => turn_id === turnId)) return setChosen(undefined);
      try {
        const page = await api.messages(conversation.id, undefined, { branch: turnId });
        if (nth !== last.current) return;
        const messages = shown(conversation.id, page.messages);
        const isNewest = messages.at(-1)?.turn_id === newest;
        setChosen(isNewest ? undefined : { newest, messages, before: page.before, isLoading: false, error: undefined });
      } catch (error) {
        if (nth === last.current) setProblem({ turnId, error });
      }
    };
    const takeFocus = (turnId: string): Step | undefined => {
      const { step, turnId: wanted } = focus.current ?? {};
      if (wanted !== turnId) return undefined;
      focus.current = undefined;
      return step;
    };
    return { choose: (turnId: string, step: Step) => void choose(turnId, step), open: choose, takeFocus };
  }, [api, conversation, newest, setChosen]);
  return { ...ways, problem };
}

function shown(id: string, transcript: readonly TranscriptMessage[]): readonly BranchMessage[] {
  return newestMessages({ ...createView(id), transcript });
}

function newestTurn(view: ConversationView): string | undefined {
  return newestMessages(view).at(-1)?.turn_id;
}
