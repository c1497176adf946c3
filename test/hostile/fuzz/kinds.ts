import { z } from "zod";
import { answerProblem, exchange } from "./exchange.ts";
import { socketInput, socketKinds, type SocketKind } from "./inputs.ts";
import { createAnswerCheck, type Operation } from "./operations.ts";
import { requestInput, requestKinds, type RequestKind } from "./request-inputs.ts";
import { playSession } from "./session.ts";

export type Kind = SocketKind | RequestKind;
export const kinds: readonly Kind[] = [...socketKinds, ...requestKinds];

/** What one input came to. */
export interface Trial {
  readonly problems: readonly string[];
  /** Conversations that were accepted, as its sender was told. */
  readonly accepted: readonly string[];
  /** Its sender may not have been told everything. */
  readonly isCut: boolean;
  readonly answers: number;
  /** For whoever has to find out what is wrong. */
  readonly input: () => string;
}

export interface Target {
  readonly port: number;
  readonly operations: readonly Operation[];
  /** Of the user of a kind. */
  readonly tokens: ReadonlyMap<Kind, string>;
}

const Where = z.looseObject({ conversation_id: z.string().optional() });

/** Tries the input number `at` of a seed. */
export function createTrials({ port, operations, tokens }: Target, seed: number) {
  const check = createAnswerCheck(operations);
  const tokenOf = (kind: Kind): string => tokens.get(kind) ?? "";

  const overSocket = async (kind: SocketKind, at: number): Promise<Trial> => {
    const made = socketInput(kind, seed, at);
    const result = await playSession({ port, token: tokenOf(kind) }, made);
    const shown = (): string => JSON.stringify({ ...made, sends: made.sends.map((bytes) => bytes.toString("base64")) });
    return { ...result, input: shown };
  };

  const overHttp = async (kind: RequestKind, at: number): Promise<Trial> => {
    const made = requestInput(kind, operations, tokenOf(kind), [seed, at]);
    const answer = await exchange(port, made);
    const problem = answerProblem(answer, made, check);
    const { method, target, headers, body } = made;
    const isAnswered = answer !== undefined && answer !== "waits";
    return {
      problems:
        problem === undefined
          ? []
          : [`${problem}${isAnswered ? `: ${answer.status} ${answer.body.slice(0, 300)}` : ""}`],
      accepted: isAnswered ? conversationIn(answer.body) : [],
      isCut: !isAnswered,
      answers: isAnswered ? 1 : 0,
      input: () => JSON.stringify({ method, target, headers, body: body?.toString("latin1") }),
    };
  };

  return (kind: Kind, at: number): Promise<Trial> => {
    const socket = socketKinds.find((other) => other === kind);
    const request = requestKinds.find((other) => other === kind);
    if (socket !== undefined) return overSocket(socket, at);
    if (request !== undefined) return overHttp(request, at);
    throw new Error(`there is no fuzzer ${kind}`);
  };
}

function conversationIn(body: string): string[] {
  try {
    const { conversation_id } = Where.parse(JSON.parse(body));
    return conversation_id === undefined ? [] : [conversation_id];
  } catch {
    return [];
  }
}
