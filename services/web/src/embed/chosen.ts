import type { Client } from "@parley/client";
import type { KeptStore } from "./kept.ts";

interface Chosen {
  readonly id: string;
  /** Nobody has written in it yet, as far as is known here. */
  readonly isNew: boolean;
  /** Somebody has, here. */
  readonly isStarted: boolean;
}

interface ChosenOptions {
  readonly client: Pick<Client, "conversation">;
  readonly kept: KeptStore;
  /** By the page; then no other one is shown. */
  readonly named: string | undefined;
  readonly onChange: () => void;
}

/** Which conversation is shown, and what makes it another one. */
export function createChosen({ client, kept, named, onChange }: ChosenOptions) {
  const known = named ?? kept.read()?.conversation;
  let chosen: Chosen = { id: known ?? client.conversation().id, isNew: known === undefined, isStarted: false };

  const go = (id: string, isNew: boolean): void => {
    if (id === chosen.id) return;
    chosen = { id, isNew, isStarted: false };
    onChange();
  };
  const startAnew = (): void => go(client.conversation().id, true);
  /** Then a server that does not know it says nothing new: it is not there yet, or was deleted before our eyes, which is shown. */
  const isBegunHere = (): boolean => chosen.isNew || chosen.isStarted;

  return {
    now: () => chosen,
    startAnew,
    start: () => void (chosen = { ...chosen, isStarted: true }),
    /** The server does not show it to this visitor; `isMissing`: it knows none. */
    refused: (isMissing: boolean): void => {
      if (isBegunHere()) return;
      if (named === undefined) return startAnew();
      if (!isMissing) return;
      // The page may name one that is only to be.
      chosen = { ...chosen, isNew: true };
      onChange();
    },
    /** Two tabs, of which one has begun: what was not begun here goes on there. */
    changedElsewhere: (): void => {
      const other = kept.read()?.conversation;
      if (named === undefined && !chosen.isStarted && other !== undefined) go(other, false);
    },
    /** It is known now who the visitor is: what the one before had here is nothing to this one. */
    become: (): void => {
      if (named !== undefined || isBegunHere()) return;
      const own = kept.read()?.conversation;
      if (own === undefined) startAnew();
      else go(own, false);
    },
  };
}
