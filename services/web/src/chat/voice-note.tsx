import { useEffect, useRef, useState } from "react";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { startRecording, type Recording, type RecordingProblem } from "./recording.ts";

interface VoiceNoteProps {
  readonly onDone: (note: File) => void;
  readonly onClose: () => void;
}

/** `asking` → `recording` → `recorded`, or `refused`. */
type State =
  | { readonly name: "asking" }
  | { readonly name: "recording"; readonly recording: Recording; readonly sinceMs: number }
  | { readonly name: "recorded"; readonly note: File; readonly url: string }
  | { readonly name: "refused"; readonly problem: RecordingProblem };

/** Records what somebody says, lets them listen to it, and gives it to the box. It is nobody's until then. */
export function VoiceNote({ onDone, onClose }: VoiceNoteProps) {
  const { chat } = useWords();
  const { voice } = chat;
  const state = useRecording();
  return (
    <div className="chat-voice" role="group" aria-label={voice.name}>
      {state.name === "asking" && (
        <p className="ui-note" role="status">
          {voice.asking}
        </p>
      )}
      {state.name === "refused" && (
        <p className="ui-error" role="alert">
          {voice[state.problem]}
        </p>
      )}
      {state.name === "recording" && (
        <>
          <Elapsed sinceMs={state.sinceMs} />
          <button type="button" className="ui-button ui-button-small" autoFocus onClick={state.recording.stop}>
            <Icon name="stop" />
            {voice.stop}
          </button>
        </>
      )}
      {state.name === "recorded" && (
        <>
          <audio className="chat-voice-player" controls src={state.url} aria-label={voice.listen} />
          <button
            type="button"
            className="ui-button ui-button-small ui-button-primary"
            autoFocus
            onClick={() => {
              onDone(state.note);
              onClose();
            }}
          >
            {voice.add}
          </button>
        </>
      )}
      <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={onClose}>
        {state.name === "refused" ? chat.close : voice.discard}
      </button>
    </div>
  );
}

function Elapsed({ sinceMs }: { readonly sinceMs: number }) {
  const { chat } = useWords();
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(Math.floor((performance.now() - sinceMs) / 1_000)), 500);
    return () => clearInterval(timer);
  }, [sinceMs]);
  const shown = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return (
    <p className="chat-voice-time">
      <span className="chat-voice-dot" aria-hidden="true" />
      <span role="status">{chat.voice.recording}</span> <span aria-hidden="true">{shown}</span>
    </p>
  );
}

/** From the first moment to the last; whoever goes away before that has recorded nothing. */
function useRecording(): State {
  const [state, setState] = useState<State>({ name: "asking" });
  const gone = useRef<AbortController>(undefined);
  useEffect(() => {
    const controller = new AbortController();
    gone.current = controller;
    let url: string | undefined;
    const onRecorded = (note: File): void => {
      url = URL.createObjectURL(note);
      setState({ name: "recorded", note, url });
    };
    void startRecording(controller.signal, onRecorded).then((begun) => {
      if (controller.signal.aborted) return;
      if (typeof begun === "string") setState({ name: "refused", problem: begun });
      else setState({ name: "recording", recording: begun, sinceMs: performance.now() });
    });
    return () => {
      controller.abort();
      if (url !== undefined) URL.revokeObjectURL(url);
    };
  }, []);
  return state;
}
