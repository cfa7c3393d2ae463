import type { Answer } from "./agents/agent.ts";
import type { NewQuestion, Question } from "./hub.ts";

/** Answers that came while no process waited for them: each holds for one identical call. */
export class Grants {
  readonly #left: Question[];

  constructor(answers: readonly Question[]) {
    this.#left = answers.filter(({ state, told }) => state !== "open" && !told);
  }

  take({ kind, title, detail }: NewQuestion): Question | null {
    const at = this.#left.findIndex((answer) =>
      answer.kind === kind && answer.title === title && (answer.detail ?? "") === detail
    );
    return at < 0 ? null : this.#left.splice(at, 1)[0]!;
  }
}

/** What a question's state means for the agent. Nothing is ever allowed by a time-out. */
export function answerTo(question: Question | null): Answer {
  const chosen = question?.options?.find(({ id }) => id === question.option_id);
  const words = question?.answer?.trim() || undefined;
  if (question?.kind === "question") {
    return { text: question.state === "answered" ? words ?? chosen?.label ?? null : null };
  }
  if (question?.state === "answered" && chosen?.kind === "allow_once") {
    return { allow: true, ...(words && { words }) };
  }
  const said = words ? `A person said no: ${words}` : "A person said no.";
  return {
    allow: false,
    words: question?.state === "answered" ? said : "Nobody has allowed this.",
  };
}
