import type { Question, QuestionState } from "../rows.ts";
import { idsFrom, inBatches, rows } from "./base.ts";
import { TaskCalls } from "./tasks.ts";

/** Chosen, said in the person's own words, or both. */
export interface Answer {
  /** Of one of the question's `options`. */
  option_id?: string;
  /** Where the question has `allow_text`; at most 32,000 characters. */
  answer?: string;
}

/** What agents ask. */
export class QuestionCalls extends TaskCalls {
  /** What agents have asked and nobody has answered (or what is in other states); oldest first. */
  async askedQuestions(
    filter: {
      channel_id?: string;
      task_thread_id?: string;
      task_id?: string;
      state?: QuestionState[];
      limit?: number;
    } = {},
  ): Promise<Question[]> {
    const { limit = 100, state = ["open"], ...columns } = filter;
    const query = this.db.from("hub_questions").select().match(columns).in("state", state);
    return rows(await query.order("asked_at").order("id").limit(limit));
  }

  /** These questions, as far as the caller may read them, in no certain order. */
  async fetchQuestions(ids: string[]): Promise<Question[]> {
    return await inBatches(
      ids,
      (some) => this.db.from("hub_questions").select().in("id", some).then(rows<Question>),
    );
  }

  /**
   * The questions whose id starts with these hex digits.
   *
   * @throws {AuraError} bad_argument: fewer than four digits, or none
   */
  async findQuestions(prefix: string): Promise<Question[]> {
    const [first, last] = idsFrom(prefix, "question");
    const query = this.db.from("hub_questions").select().gte("id", first).lte("id", last);
    return rows(await query.order("id").limit(10));
  }

  /**
   * Answers an open question; the same answer again returns it.
   *
   * ```ts
   * for (const question of await aura.askedQuestions({ channel_id: channelId })) {
   *   await aura.answerQuestion(question.id, { option_id: question.options[0]!.id });
   * }
   * ```
   *
   * @throws {AuraError} question_not_found, question_closed (somebody has answered otherwise, or it is over),
   *   bad_argument, content_too_long (32,000 characters)
   */
  answerQuestion(questionId: string, answer: Answer): Promise<Question> {
    return this.rpc("answer_question", { question_id: questionId, ...answer });
  }
}
