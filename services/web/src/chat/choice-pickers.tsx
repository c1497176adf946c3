import type { Offers } from "../api/answers.ts";
import { useWords } from "../words/use-words.ts";
import type { Choice } from "./choice.ts";
import { Picker, type PickerOption } from "./picker.tsx";

interface ChoicePickersProps {
  readonly offers: Offers | undefined;
  readonly choice: Choice;
  readonly onChange: (choice: Choice) => void;
}

/** Who answers, and with which model: each only where there is a choice. */
export function ChoicePickers({ offers, choice, onChange }: ChoicePickersProps) {
  const { chat } = useWords();
  if (offers === undefined) return null;
  const automatic: PickerOption = { value: "", title: chat.automatic, text: chat.automaticText };
  const agents = offers.agents.map(({ name, description }) => ({ value: name, title: name, text: description }));
  const models = offers.models.map(({ name, title = name }) => ({ value: name, title }));
  return (
    <>
      {agents.length < 2 ? null : (
        <Picker
          label={chat.agent}
          value={choice.agent}
          options={[automatic, ...agents]}
          onPick={(agent) => onChange({ ...choice, agent })}
        />
      )}
      {models.length < 2 ? null : (
        <Picker
          label={chat.model}
          value={choice.model}
          options={[{ value: "", title: chat.automaticModel }, ...models]}
          onPick={(model) => onChange({ ...choice, model })}
        />
      )}
    </>
  );
}
