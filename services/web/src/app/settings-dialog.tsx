import { useId } from "react";
import type { Theme } from "../settings/settings-store.ts";
import { useSettings } from "../settings/use-settings.ts";
import { Dialog } from "../ui/dialog.tsx";
import type { Language } from "../words/language.ts";
import { useWords } from "../words/use-words.ts";
import { ConnectionsSection } from "./connections-section.tsx";
import { MemorySection } from "./memory-section.tsx";
import { NoticesSection } from "./notices-section.tsx";

export interface SettingsDialogProps {
  readonly onClose: () => void;
  /** With what belongs to this person, and not to this browser. */
  readonly userId?: string | undefined;
}

/** How the page looks and is written in, for this browser, and which accounts its person has connected. What is chosen holds at once. */
export function SettingsDialog({ onClose, userId }: SettingsDialogProps) {
  const { app } = useWords();
  const { theme, language, sendsWithEnter, change } = useSettings();
  const { settings } = app;
  const themes: readonly Choice<Theme>[] = [
    { value: "system", name: settings.system },
    { value: "light", name: settings.light },
    { value: "dark", name: settings.dark },
  ];
  return (
    <Dialog
      title={settings.title}
      onClose={onClose}
      actions={
        <button type="button" className="ui-button" onClick={onClose}>
          {app.close}
        </button>
      }
    >
      {userId !== undefined && <NoticesSection userId={userId} />}
      {userId !== undefined && <ConnectionsSection />}
      {userId !== undefined && <MemorySection />}
      <Radios name={settings.theme} choices={themes} chosen={theme} onChoose={(value) => change({ theme: value })} />
      <Radios
        name={settings.language}
        choices={languageChoices}
        chosen={language}
        onChoose={(value) => change({ language: value })}
      />
      <fieldset className="app-settings-group">
        <legend className="ui-label">{settings.writing}</legend>
        <label className="app-settings-switch">
          <input
            type="checkbox"
            checked={sendsWithEnter}
            onChange={(event) => change({ sendsWithEnter: event.target.checked })}
          />
          {settings.sendWithEnter}
        </label>
        <p className="ui-note">{sendsWithEnter ? settings.sendWithEnterOn : settings.sendWithEnterOff}</p>
      </fieldset>
      <div className="app-settings-group">
        <p className="ui-label">{settings.motion}</p>
        <p className="ui-note">{isMotionReduced() ? settings.motionReduced : settings.motionFull}</p>
      </div>
    </Dialog>
  );
}

interface Choice<T extends string> {
  readonly value: T;
  readonly name: string;
  readonly lang?: string;
}

/** Each language by its own name: who does not read this one finds it. */
const languageChoices: readonly Choice<Language>[] = [
  { value: "en", name: "English", lang: "en" },
  { value: "de", name: "Deutsch", lang: "de" },
];

interface RadiosProps<T extends string> {
  readonly name: string;
  readonly choices: readonly Choice<T>[];
  readonly chosen: T;
  readonly onChoose: (value: T) => void;
}

function Radios<T extends string>({ name, choices, chosen, onChoose }: RadiosProps<T>) {
  const id = useId();
  return (
    <fieldset className="app-settings-group">
      <legend className="ui-label">{name}</legend>
      <div className="app-settings-choices">
        {choices.map(({ value, name: shown, lang }) => (
          <label key={value} className="app-settings-choice" lang={lang}>
            <input type="radio" name={id} checked={value === chosen} onChange={() => onChoose(value)} />
            {shown}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function isMotionReduced(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
