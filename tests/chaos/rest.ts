// How a stack comes to rest after a storm, and what must be so then.
import { join } from "node:path";
import type { Random } from "../random.ts";
import type { OwnStack } from "../runner/own_stack.ts";
import { connect, until } from "../stack.ts";
import { brokenRules } from "./invariants.ts";
import { call, type Rpc, unless } from "./rpc.ts";

/** Answers what is asked, one way or the other, until `signal` aborts. */
export async function answerAll(
  rpc: Rpc,
  random: Random,
  signal: AbortSignal,
  every: number,
): Promise<void> {
  const { url, key, accessToken } = rpc;
  while (!signal.aborted) {
    const asked: { id: string }[] = await fetch(
      `${url}/rest/v1/hub_questions?state=eq.open&select=id&order=asked_at&limit=20`,
      { headers: { apikey: key, authorization: `Bearer ${accessToken}` } },
    ).then((answer) => answer.ok ? answer.json() : []).catch(() => []);
    for (const { id } of asked) {
      const option_id = random.pick(["allow", "reject"]);
      await unless("question_closed", call(rpc, "answer_question", { question_id: id, option_id }));
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

/** Lets the executors finish, with recovery as pg_cron does it, only more often; at most so many ms. */
export async function comeToRest(stack: OwnStack, most: number): Promise<void> {
  await using sql = connect({ max: 1 }, stack.env);
  await until(
    async () => {
      await sql`select hub.recover()`;
      await sql`select hub.decay_threads()`;
      return (await sql`select from hub.queue limit 1`).length === 0;
    },
    "the queue to become empty",
    most,
  );
  await sql`update hub.delivery_failures set retry_at = now()`;
  await sql`select hub.recover()`;
}

/** What is wrong with a stack at rest, in words. */
export async function problemsAtRest(stack: OwnStack): Promise<string[]> {
  await using sql = connect({ max: 1 }, stack.env);
  const problems = await brokenRules(sql);
  const log = await Deno.readTextFile(join(stack.settings.AURA_STATE_DIR!, "logs/postgres.log"));
  if (log.includes("deadlock detected")) problems.push("Postgres detected a deadlock.");
  return problems;
}
