import { lazy, Suspense, useRef, useState } from "react";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import type { BoxFiles } from "./use-attachments.ts";

/** Few speak to it: what records is loaded when somebody does. */
const VoiceNote = lazy(async () => ({ default: (await import("./voice-note.tsx")).VoiceNote }));

/** Where the browser can record, and asks its person. */
const canRecord = "MediaRecorder" in globalThis && globalThis.navigator?.mediaDevices !== undefined;

/** The ways to files beside dropping and pasting them. */
export function AttachButtons({ files }: { readonly files: BoxFiles }) {
  const { chat } = useWords();
  const field = useRef<HTMLInputElement>(null);
  const [isRecording, setRecording] = useState(false);
  return (
    <>
      <input
        ref={field}
        className="ui-hidden"
        type="file"
        multiple
        tabIndex={-1}
        aria-hidden="true"
        onChange={({ target }) => {
          files.add([...(target.files ?? [])]);
          // The same one can be picked again.
          target.value = "";
        }}
      />
      <button
        type="button"
        className="ui-icon-button"
        aria-label={chat.files.attach}
        title={chat.files.attach}
        onClick={() => field.current?.click()}
      >
        <Icon name="attach" />
      </button>
      {canRecord && !isRecording && (
        <button
          type="button"
          className="ui-icon-button"
          aria-label={chat.voice.record}
          title={chat.voice.record}
          onClick={() => setRecording(true)}
        >
          <Icon name="microphone" />
        </button>
      )}
      {isRecording && (
        <Suspense fallback={null}>
          <VoiceNote onDone={(note) => files.add([note])} onClose={() => setRecording(false)} />
        </Suspense>
      )}
    </>
  );
}
