import { useId } from "react";
import { useOffers } from "../chat/offers.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";

/** Says openly when answers come from a simulated model, or tell of a simulated cluster. */
export function SimulatedNote() {
  const { simulated: words } = useWords().app;
  const id = useId();
  const { model = false, cluster = false } = useOffers()?.simulated ?? {};
  if (!model && !cluster) return null;
  const sentence = model && cluster ? words.both : words[model ? "model" : "cluster"];
  return (
    <>
      <button
        type="button"
        className="app-simulated ui-chip ui-chip-warning"
        aria-label={words.chip}
        title={sentence}
        popoverTarget={id}
      >
        <Icon name="alert" />
        <span className="app-simulated-word">{words.chip}</span>
      </button>
      <div id={id} popover="auto" className="ui-menu app-simulated-text" role="note">
        {sentence}
      </div>
    </>
  );
}
