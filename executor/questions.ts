import type { Answer, Ask, Refusal } from "./agents/agent.ts";
import { callTitle } from "./agents/tool_call.ts";
import { ApiError, deliver } from "./api_error.ts";
import { answerTo, Grants } from "./grants.ts";
import type { Claim, Hub, NewQuestion, Question, QuestionOption } from "./hub.ts";
import { decide } from "./permissions/decide.ts";
import type { Permissions } from "./permissions/table.ts";
import { type Redact, shownDetail } from "./question_text.ts";
import { cut, firstLine } from "./text.ts";

export interface QuestionsOptions {
  hub: Pick<Hub, "ask">;
  claim: Claim;
  table: Permissions;
  /** The folders in which the agent may edit; the first one is where it works. */
  folders: readonly string[];
  /** What was asked and answered before this run. */
  answers: readonly Question[];
  redact: Redact;
  /** Ends the waiting: the run is over. */
  signal: AbortSignal;
  /** How many questions are open now. */
  onOpen(count: number): void;
  log(text: string): void;
}

interface Open {
  question: NewQuestion;
  answer(question: Question): void;
}

/**
 * What the agent of one run wants to know or to do: settled by the device's own table where that
 * decides, by an earlier answer to the same call, or else by a person.
 */
export class Questions {
  readonly refusals: Refusal[] = [];
  readonly #options: QuestionsOptions;
  readonly #grants: Grants;
  readonly #open = new Map<string, Open>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
    this.#grants = new Grants(options.answers);
  }

  get open(): number {
    return this.#open.size;
  }

  async ask(ask: Ask): Promise<Answer> {
    try {
      return await this.#settle(ask);
    } catch (error) {
      this.#options.log(`a question could not be asked: ${(error as Error).message}`);
      return ask.kind === "approval" ? this.#refuse(ask, undefined) : { text: null };
    }
  }

  async #settle(ask: Ask): Promise<Answer> {
    if (ask.kind === "approval") {
      if (ask.call.kind === "tool" && isOwnTool(ask.call.tool)) return { allow: true };
      const { table, folders } = this.#options;
      const decision = decide(ask.call, table, folders);
      if (decision === "allow") return { allow: true };
      if (decision === "deny") {
        return this.#refuse(ask, "The owner of this device does not allow this.");
      }
    }
    const question = await this.#asked(ask);
    const granted = this.#grants.take(question);
    const answer = answerTo(granted ?? await this.#answered(question));
    return ask.kind === "approval" && !("allow" in answer && answer.allow)
      ? this.#refuse(ask, "allow" in answer ? answer.words : undefined)
      : answer;
  }

  refused(refusal: Refusal): void {
    const detail = this.#options.redact(refusal.detail);
    const same = ({ tool, detail: other }: Refusal) => tool === refusal.tool && other === detail;
    if (refusal.tool === "AskUserQuestion" || this.refusals.some(same)) return;
    this.refusals.push({ tool: refusal.tool, detail: cut(detail, 2_000) });
  }

  /** Looks at those of the open questions that have been answered; without `ids`, at all. */
  async look(ids?: readonly string[]): Promise<void> {
    const { hub, claim, log } = this.#options;
    for (const [id, open] of this.#open) {
      if (ids && !ids.includes(id)) continue;
      try {
        const question = await hub.ask(claim, open.question);
        if (question.state !== "open") open.answer(question);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        log(`an answer could not be read: ${error.message}`);
      }
    }
  }

  #refuse(ask: Ask & { kind: "approval" }, words: string | undefined): Answer {
    this.refused({ tool: ask.call.tool, detail: ask.call.detail });
    return { allow: false, ...(words && { words }) };
  }

  async #asked(ask: Ask): Promise<NewQuestion> {
    const { redact, claim } = this.#options;
    const title = ask.kind === "approval" ? callTitle(ask.call) : firstLine(ask.title, 200);
    const whole = ask.kind === "approval"
      ? (ask.reason ? `${ask.call.detail}\n\n(${ask.reason})` : ask.call.detail)
      : ask.title.trim() === title
      ? ask.detail
      : `${ask.title}\n\n${ask.detail}`.trim();
    const detail = await shownDetail(whole, redact);
    // An agent's name for a call may come again in another run, or for another call.
    const key = await shownKey([claim.claim_id, ask.id, title, detail]);
    return {
      kind: ask.kind,
      title: cut(redact(title), 200),
      detail,
      options: ask.kind === "approval" ? ONCE_OR_NO : choicesOf(ask.choices),
      allow_text: true,
      tool_call_id: key,
    };
  }

  /**
   * Null when the hub takes no such question. A run that is stopped is answered nothing: a "no" would
   * be the last thing that the agent's session remembers.
   */
  async #answered(question: NewQuestion): Promise<Question | null> {
    const { hub, claim, signal, log } = this.#options;
    try {
      let asked: Question | undefined;
      await deliver(async () => asked = await hub.ask(claim, question), {
        signal,
        onDelay: (error) => log(`a question will be asked again: ${error.message}`),
      });
      if (!asked) return await NEVER;
      if (asked.state !== "open") return asked;
      const { id } = asked;
      const waiter = Promise.withResolvers<Question>();
      this.#open.set(id, { question, answer: waiter.resolve });
      this.#options.onOpen(this.#open.size);
      const answer = await waiter.promise;
      this.#open.delete(id);
      this.#options.onOpen(this.#open.size);
      return answer;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      log(`a question was refused by the hub: ${error.message}`);
      return null;
    }
  }
}

const NEVER = new Promise<never>(() => {});

/** Only for this once: what an agent would keep for ever is not on offer. */
const ONCE_OR_NO: QuestionOption[] = [
  { id: "once", label: "Allow once", kind: "allow_once" },
  { id: "no", label: "No", kind: "reject_once" },
];

function choicesOf(labels: readonly string[]): QuestionOption[] {
  return labels.slice(0, 10).map((label, index) => ({
    id: String(index + 1),
    label: cut(label, 200),
    kind: "choice",
  }));
}

/** The tools of the executor's own MCP server, by whatever name the agent gives them. */
function isOwnTool(tool: string): boolean {
  return /^(mcp__aura__|aura[_.:/-])(ask_person|attach_file)$/.test(tool);
}

async function shownKey(parts: string[]): Promise<string> {
  const bytes = new TextEncoder().encode(parts.join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex().slice(0, 32);
}
