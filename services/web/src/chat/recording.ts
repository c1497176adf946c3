/** Why nothing can be recorded. */
export type RecordingProblem = "refused" | "noMicrophone" | "failed";

export interface Recording {
  readonly stop: () => void;
}

/** Of what browsers offer, what models and other browsers can hear. */
const types = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
/** Longer notes are speeches; it ends by itself then. */
const mostMs = 10 * 60_000;

/** Asks the person, and records until it is stopped. `signal`: they have gone away; nothing is kept, and the microphone is let go. */
export async function startRecording(
  signal: AbortSignal,
  onRecorded: (note: File) => void,
): Promise<Recording | RecordingProblem> {
  let stream: MediaStream | undefined;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    return record(stream, signal, onRecorded);
  } catch (thrown) {
    for (const track of stream?.getTracks() ?? []) track.stop();
    const name = thrown instanceof DOMException ? thrown.name : "";
    if (name === "NotAllowedError" || name === "SecurityError") return "refused";
    return name === "NotFoundError" ? "noMicrophone" : "failed";
  }
}

function record(stream: MediaStream, signal: AbortSignal, onRecorded: (note: File) => void): Recording {
  const mimeType = types.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(stream, mimeType === undefined ? {} : { mimeType });
  const pieces: Blob[] = [];
  const stop = (): void => {
    if (recorder.state !== "inactive") recorder.stop();
  };
  const timer = setTimeout(stop, mostMs);
  recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
  recorder.addEventListener("stop", () => {
    clearTimeout(timer);
    for (const track of stream.getTracks()) track.stop();
    if (!signal.aborted) onRecorded(noteOf(pieces, recorder.mimeType));
  });
  signal.addEventListener("abort", stop, { once: true });
  recorder.start(1_000);
  if (signal.aborted) stop();
  return { stop };
}

function noteOf(pieces: readonly Blob[], mimeType: string): File {
  const type = mimeType.split(";", 1)[0] ?? "audio/webm";
  const ending = { "audio/mp4": "m4a", "audio/ogg": "ogg" }[type] ?? "webm";
  const at = new Date();
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return new File([...pieces], `voice-${day}-${two(at.getHours())}${two(at.getMinutes())}.${ending}`, { type });
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
