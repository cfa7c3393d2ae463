/** A message as lines of text. */
import { type Embed, eventOf, type Message } from "../client/index.ts";
import { printable } from "../terminal/printable.ts";
import type { Output } from "./output.ts";
import { answerLine } from "./question.ts";
import { when } from "./when.ts";

const COLOURS = { human: "cyan", agent: "green", system: "yellow" } as const;

/** The first line says when and who; those that follow are indented below it. */
export function messageLines(out: Output, message: Message): string[] {
  const who = printable(message.sender_label ?? message.sender_type);
  const colour = COLOURS[message.sender_type];
  const [first = "", ...rest] = printable(bodyOf(message)).split("\n");
  const time = out.style("dim", when(out, message.created_at));
  return [
    `${time} ${out.style(colour, who)}: ${first}`,
    ...rest.map((line) => `  ${line}`),
    ...howToAnswer(message).map((line) => `  ${line}`),
  ];
}

/** Below a question: what to type. */
function howToAnswer(message: Message): string[] {
  const { question_id: id } = message.metadata;
  return eventOf(message) === "question_asked" && typeof id === "string"
    ? [answerLine({ id })]
    : [];
}

function bodyOf({ content, embed_data }: Message): string {
  if (!embed_data) return content;
  const embed = embedText(embed_data);
  return content && content !== embed_data.title ? `${embed}\n${content}` : embed;
}

function embedText({ title, description, fields }: Embed): string {
  const lines = (fields ?? []).map(({ name, value }) => `${name}: ${value}`);
  return [title, description, ...lines].filter(Boolean).join("\n");
}
