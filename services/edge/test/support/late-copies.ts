import type { StoredMessage } from "@parley/bus";
import { eventually } from "@parley/testkit";
import type { Lose } from "./edge-fixture.ts";

/** Live copies that the test holds back, as a broker does whose publishers overtake each other. */
export interface HeldCopies {
  /** Resolves when so many of them have come from the broker. */
  arrived(count?: number): Promise<void>;
  /** Passes on what is held, in order, and what comes later at once. */
  pass(): void;
}

export interface CopyRoute {
  /** For the edge that it leads to. */
  readonly lose: Lose;
  /** Holds back the copies of a conversation whose text says so. */
  hold(conversation: string, text: string): HeldCopies;
}

interface Holding {
  readonly matches: (message: StoredMessage) => boolean;
  readonly held: (() => void)[];
  isOpen: boolean;
}

export function createCopyRoute(): CopyRoute {
  const holdings: Holding[] = [];
  return {
    lose(message, pass) {
      const holding = holdings.find(({ isOpen, matches }) => !isOpen && matches(message));
      holding?.held.push(pass);
      return holding !== undefined;
    },

    hold(conversation, text) {
      const matches = ({ subject, data }: StoredMessage): boolean =>
        subject.includes(`.${conversation}.`) && Buffer.from(data).toString("utf8").includes(text);
      const holding: Holding = { matches, held: [], isOpen: false };
      holdings.push(holding);
      return {
        async arrived(count = 1) {
          await eventually(() => holding.held.length >= count, { what: `a copy of ${text}` });
        },
        pass() {
          holding.isOpen = true;
          for (const pass of holding.held.splice(0)) pass();
        },
      };
    },
  };
}
