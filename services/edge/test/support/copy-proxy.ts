import { parseEventSubject, subjects, type ConversationId } from "@parley/protocol";
import { eventually, startNatsProxy, type Broker, type NatsMessage } from "@parley/testkit";

/** Live copies of one kind on their way from the broker to an edge. */
export interface HeldCopies {
  /** Resolves when one has come from the broker. */
  arrived(): Promise<void>;
  /** Lets them go on, and those that come later. */
  pass(): void;
}

export interface CopyProxy extends AsyncDisposable {
  /** Where the edge finds the broker. */
  readonly url: string;
  /** Holds back the copies of a conversation whose text says so. Those of one subject stay in order, as behind a broker. */
  hold(conversation: ConversationId, text: string): HeldCopies;
  /** These never come. */
  lose(conversation: ConversationId, text: string): void;
}

interface Rule {
  readonly matches: (message: NatsMessage) => boolean;
  readonly opened: Promise<void>;
  readonly keepsOrder: boolean;
  count: number;
}

function isCopy({ subject }: NatsMessage): boolean {
  const address = parseEventSubject(subject);
  return address !== undefined && subject.startsWith(subjects.allLive(address.shard).slice(0, -">".length));
}

/** A way to the broker on which live copies overtake each other as the test says. All else passes at once. */
export async function startCopyProxy(nats: Broker): Promise<CopyProxy> {
  const rules: Rule[] = [];
  const proxy = await startNatsProxy({
    targets: [nats.port],
    treat(message) {
      if (!isCopy(message)) return undefined;
      const rule = rules.find(({ matches }) => matches(message));
      if (rule === undefined) return { lane: message.subject };
      rule.count++;
      return { hold: rule.opened, ...(rule.keepsOrder ? { lane: message.subject } : {}) };
    },
  });
  const add = (conversation: ConversationId, text: string, { keepsOrder }: Pick<Rule, "keepsOrder">) => {
    const matches = ({ subject, payload }: NatsMessage): boolean =>
      parseEventSubject(subject)?.conversation === conversation && payload.includes(text);
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const rule: Rule = { matches, opened, keepsOrder, count: 0 };
    rules.push(rule);
    return { rule, open: () => open() };
  };
  return {
    url: `nats://127.0.0.1:${proxy.port}`,
    hold(conversation, text) {
      const { rule, open } = add(conversation, text, { keepsOrder: true });
      return {
        arrived: async () => void (await eventually(() => rule.count > 0, { what: `a copy of ${text}` })),
        pass: open,
      };
    },
    lose: (conversation, text) => void add(conversation, text, { keepsOrder: false }),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
