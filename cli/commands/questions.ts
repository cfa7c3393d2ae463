import type { Command } from "commander";
import { type Answer, type Question, type QuestionOption } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";
import { fetchPlaces, findPlace, findQuestion, shortId } from "../names.ts";
import { printable } from "../../terminal/printable.ts";
import { questionLines } from "../question.ts";
import { when } from "../when.ts";

export function addQuestions(program: Command, context: () => Context): void {
  program.command("questions")
    .description("list what agents ask and nobody has answered, the oldest first")
    .argument("[channel]", "as in cloud-hub/dispatch; all channels if left out")
    .action((channel?: string) => list(context(), channel));

  program.command("answer")
    .description("answer an agent's question; without an answer, show it")
    .argument("<question>", "its first eight hex digits, or those of its task")
    .argument("[option]", "an option's id or label")
    .option("--text <words>", "an answer in words, where the question takes them")
    .action((question: string, option: string | undefined, { text }: { text?: string }) =>
      answer(context(), question, option, text)
    );
}

async function list({ aura, out }: Context, channelName?: string): Promise<void> {
  const places = channelName ? [await findPlace(aura, channelName)] : await fetchPlaces(aura);
  const questions = await aura.askedQuestions(
    channelName ? { channel_id: places[0]!.channel.id } : {},
  );
  const nameOf = (id: string) => places.find(({ channel }) => channel.id === id)?.name ?? "–";
  out.table(
    questions,
    ["QUESTION", "TASK", "CHANNEL", "ASKED", "UNTIL", "WHAT"],
    questions.map((question) => [
      shortId(question.id),
      shortId(question.task_id),
      nameOf(question.channel_id),
      when(out, question.asked_at),
      when(out, question.expires_at),
      question.title,
    ]),
  );
}

async function answer(
  { aura, out }: Context,
  prefix: string,
  option?: string,
  text?: string,
): Promise<void> {
  const question = await findQuestion(aura, prefix);
  if (option === undefined && text === undefined) {
    out.result(question, () => questionLines(out, question));
    return;
  }
  const given: Answer = {
    ...option !== undefined && { option_id: findOption(question, option).id },
    ...text !== undefined && { answer: text },
  };
  const answered = await aura.answerQuestion(question.id, given);
  const words = [question.options.find(({ id }) => id === answered.option_id)?.label, text];
  out.result(answered, () => [
    `🙋 ${shortId(question.task_id)}: ${printable(words.filter(Boolean).join(": "))}`,
  ]);
}

function findOption({ options }: Question, wanted: string): QuestionOption {
  const like = wanted.toLowerCase();
  const found = options.find(({ id }) => id === wanted) ??
    options.find(({ id, label }) => id.toLowerCase() === like || label.toLowerCase() === like);
  if (found) return found;
  const ids = options.map(({ id }) => id).join(", ");
  throw new UsageError(
    `"${wanted}" is no option of the question.`,
    ids ? `Its options: ${ids}.` : "It takes words: --text.",
  );
}
