import type { ToolCallPart } from "@parley/protocol";
import { useMemo, useState } from "react";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { inWrittenOrder } from "../text/letter-order.ts";
import { CopyButton } from "../text/copy-button.tsx";
import { useWords } from "../words/use-words.ts";
import { sizeWords } from "./size-words.ts";
import { jsonLines, shapeOf, type ResultShape } from "./result-shape.ts";

/** So many lines or rows at first, and with each press: a whole result may have ten thousand. */
const linesShown = 200;
const linesMore = 1_000;

export function ToolArguments({ call }: { readonly call: ToolCallPart }) {
  const { message: words } = useWords();
  const lines = useMemo(() => jsonLines(call.arguments).map(inWrittenOrder), [call.arguments]);
  const hasSome = Object.keys(call.arguments).length > 0;
  return (
    <section className="message-tool-section">
      <h4 className="message-tool-title">{words.tool.arguments}</h4>
      {hasSome ? (
        <Lines lines={lines} name={words.tool.arguments} />
      ) : (
        <p className="message-quiet">{words.tool.noArguments}</p>
      )}
      {call.arguments_bytes !== undefined && <p className="message-quiet">{words.tool.argumentsCut}</p>}
    </section>
  );
}

interface ToolResultProps {
  readonly call: ToolCallPart;
  readonly conversationId: string;
}

/** What came of it: the beginning that the answer has, and the whole of it on demand. */
export function ToolResult({ call, conversationId }: ToolResultProps) {
  const { message: words } = useWords();
  const whole = useWholeResult(conversationId, call.result_id ?? call.call_id);
  const result = whole.result ?? call.result ?? "";
  const shape = useMemo(() => shapeOf(result), [result]);
  const isCut = call.result_bytes !== undefined && whole.result === undefined;
  return (
    <section className="message-tool-section">
      <div className="message-tool-title-row">
        <h4 className="message-tool-title">{words.tool.result}</h4>
        {result !== "" && <CopyButton text={result} name={words.tool.copyResult} />}
      </div>
      {result === "" ? <p className="message-quiet">{words.tool.emptyResult}</p> : <Shape shape={shape} />}
      {isCut && <WholeButton bytes={call.result_bytes ?? 0} whole={whole} />}
      {!isCut && (call.truncated === true || whole.isTruncated) && (
        <p className="message-quiet">{words.tool.truncated}</p>
      )}
    </section>
  );
}

interface Whole {
  readonly result: string | undefined;
  readonly isTruncated: boolean;
  readonly isLoading: boolean;
  readonly error: unknown;
  readonly load: () => void;
}

function useWholeResult(conversationId: string, resultId: string): Whole {
  const api = useApi();
  const [state, setState] = useState<Omit<Whole, "load">>({
    result: undefined,
    isTruncated: false,
    isLoading: false,
    error: undefined,
  });
  const load = (): void => {
    setState((known) => ({ ...known, isLoading: true, error: undefined }));
    api.wholeResult(conversationId, resultId).then(
      ({ result, truncated }) =>
        setState({ result, isTruncated: truncated === true, isLoading: false, error: undefined }),
      (error: unknown) => setState((known) => ({ ...known, isLoading: false, error })),
    );
  };
  return { ...state, load };
}

function WholeButton({ bytes, whole }: { readonly bytes: number; readonly whole: Whole }) {
  const { message: words, formats } = useWords();
  const sentence = useErrorSentence();
  const size = sizeWords(bytes, formats);
  return (
    <div className="message-tool-whole">
      <p className="message-quiet">{words.tool.beginning(size)}</p>
      <button type="button" className="ui-button ui-button-small" disabled={whole.isLoading} onClick={whole.load}>
        {whole.isLoading ? words.tool.wholeLoading : words.tool.whole(size)}
      </button>
      {whole.error !== undefined && (
        <p className="ui-error" role="alert">
          {words.tool.wholeFailed(sentence(whole.error))}
        </p>
      )}
    </div>
  );
}

function Shape({ shape }: { readonly shape: ResultShape }) {
  const { message: words } = useWords();
  if (shape.kind === "table") return <ResultTable columns={shape.columns} rows={shape.rows} />;
  return <Lines lines={shape.lines} name={words.tool.result} />;
}

function Lines({ lines, name }: { readonly lines: readonly string[]; readonly name: string }) {
  const [most, setMost] = useState(linesShown);
  return (
    <>
      <pre className="message-lines" tabIndex={0} role="region" aria-label={name}>
        {lines.slice(0, most).join("\n")}
      </pre>
      <More left={lines.length - most} onMore={() => setMost(most + linesMore)} />
    </>
  );
}

function More({ left, onMore }: { readonly left: number; readonly onMore: () => void }) {
  const { message: words } = useWords();
  if (left <= 0) return null;
  return (
    <button type="button" className="message-fold" onClick={onMore}>
      {words.showMore(Math.min(left, linesMore))}
    </button>
  );
}

function ResultTable({ columns, rows }: Omit<Extract<ResultShape, { kind: "table" }>, "kind">) {
  const { message: words } = useWords();
  const [most, setMost] = useState(linesShown);
  return (
    <>
      <div className="text-table" role="region" aria-label={words.tool.result} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, most).map((row, index) => (
              <tr key={index}>
                {row.map((value, place) => (
                  <td key={columns[place]}>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More left={rows.length - most} onMore={() => setMost(most + linesMore)} />
    </>
  );
}
