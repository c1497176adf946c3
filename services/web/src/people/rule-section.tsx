import type { Room } from "@parley/protocol/fold";
import { useId } from "react";
import { useApi } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import type { People } from "./use-people.ts";

interface RuleSectionProps {
  readonly conversationId: string;
  readonly room: Room;
  readonly isOwner: boolean;
  readonly people: People;
}

const rules = ["always", "mention", "never"] as const;

/** When agents answer. The event says what holds then: until it comes the earlier one is chosen. */
export function RuleSection({ conversationId, room, isOwner, people }: RuleSectionProps) {
  const { room: words } = useWords();
  const api = useApi();
  const name = useId();
  const known = new Map<string, string>(Object.entries(words.rules));
  if (!isOwner) {
    return (
      <section className="people-section">
        <h3 className="people-section-title">{words.rule}</h3>
        <p className="ui-note">{known.get(room.answers) ?? room.answers}</p>
      </section>
    );
  }
  return (
    <fieldset className="people-section people-rules">
      <legend className="people-section-title">{words.rule}</legend>
      {rules.map((rule) => (
        <label key={rule} className="people-rule">
          <input
            type="radio"
            name={name}
            checked={room.answers === rule}
            onChange={() => void people.act(api.setAnswerRule(conversationId, rule))}
          />
          {words.rules[rule]}
        </label>
      ))}
    </fieldset>
  );
}
