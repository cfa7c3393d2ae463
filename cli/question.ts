/** A question as lines of text. */
import type { Question } from "../client/index.ts";
import { shortId } from "./names.ts";
import { printable } from "../terminal/printable.ts";
import type { Output } from "./output.ts";
import { when } from "./when.ts";

/** What is asked, in full, and how to answer it. */
export function questionLines(out: Output, question: Question): string[] {
  const { title, detail, options, allow_text: allowsText, expires_at: until } = question;
  return [
    `❓ ${shortId(question.task_id)} asks: ${printable(title)}`,
    ...detail ? printable(detail).split("\n").map((line) => `  ${line}`) : [],
    ...question.state === "open"
      ? [
        ...options.map(({ id, label }) => `${answerLine(question)} ${id}  ${printable(label)}`),
        ...allowsText ? [`${answerLine(question)} --text "…"`] : [],
        ...until ? [out.style("dim", `refused if nobody answers before ${when(out, until)}`)] : [],
      ]
      : [`${question.state}${ending(question)}`],
  ];
}

/** How to answer it, as far as every question has it in common. */
export function answerLine({ id }: { id: string }): string {
  return `→ hub answer ${shortId(id)}`;
}

function ending({ options, option_id, answer, answered_by_label: by }: Question): string {
  const label = options.find(({ id }) => id === option_id)?.label;
  const words = [label, answer].filter(Boolean).join(": ");
  return printable(`${by ? ` by ${by}` : ""}${words ? `: ${words}` : ""}`);
}
