import type { Model } from "../../client/index.ts";
import type { ClaimedTask } from "../../executor/hub.ts";
import type { Random } from "../random.ts";
import { CallError, type Session } from "./session.ts";

/** What the executors' writes came to, by the answers they got. */
export interface Tally {
  claims: number;
  completed: Map<string, number>;
  /** How often each input was given to a run. */
  taken: Map<string, number>;
  stale: number;
  counts: Record<string, number>;
}

/** One in so many: what an executor does with a task that it has claimed. */
const DEEDS = {
  complete: 40,
  ask: 10,
  askAndPark: 10,
  completeTwice: 10,
  failForNow: 5,
  failForGood: 4,
  rateLimit: 6,
  release: 4,
  vanish: 11,
};

/** An executor that does everything an executor should not do, as fast as it can. */
export class UnreliableExecutor {
  readonly #session: Session;
  readonly #token: string;
  readonly #random: Random;
  readonly #tally: Tally;
  /** Writes of claims that it has forgotten, made when their lease is over or not. */
  readonly #late: { task: ClaimedTask; at: number }[] = [];

  constructor(session: Session, token: string, random: Random, tally: Tally) {
    this.#session = session;
    this.#token = token;
    this.#random = random;
    this.#tally = tally;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const tasks = await this.#call<ClaimedTask[]>("claim_tasks", {
        max_tasks: 1 + this.#random.below(3),
      });
      this.#tally.claims += tasks.length;
      if (this.#random.next() < 0.4) {
        const { inputs } = await this.#call("device_heartbeat", {
          running: tasks.map(({ id }) => id),
        });
        for (const input of inputs) await this.#take(input, tasks);
      }
      for (const task of tasks) await this.#handle(task);
      await this.#writeLate(Date.now());
      if (!tasks.length) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await this.#writeLate(Infinity);
  }

  async #handle(task: ClaimedTask): Promise<void> {
    for (let count = this.#random.below(3); count > 0; count--) {
      await this.#write("report_progress", task, { partial_output: `step ${this.#random.next()}` });
    }
    const deed = weighted(this.#random, DEEDS);
    this.#tally.counts[deed] = (this.#tally.counts[deed] ?? 0) + 1;
    switch (deed) {
      case "complete":
        await this.#complete(task);
        return;
      case "ask":
        // What ends the task withdraws the question, if nobody has been quicker.
        if (await this.#ask(task)) await this.#complete(task);
        return;
      case "askAndPark":
        if (await this.#ask(task)) await this.#write("park_task", task, {});
        return;
      case "completeTwice":
        await this.#complete(task);
        await this.#complete(task);
        return;
      case "failForNow":
        await this.#write("fail_task", task, { error: "for now", retryable: true });
        return;
      case "failForGood":
        await this.#write("fail_task", task, { error: "for good", retryable: false });
        return;
      case "rateLimit":
        await this.#write("report_rate_limit", task, {
          model: task.model satisfies Model,
          until: new Date(Date.now() + this.#random.below(400)).toISOString(),
        });
        return;
      case "release":
        await this.#write("release_task", task, {});
        return;
      case "vanish":
        this.#late.push({ task, at: Date.now() + this.#random.below(6_000) });
    }
  }

  /** Whether the claim holds. */
  async #ask(task: ClaimedTask): Promise<boolean> {
    const stale = this.#tally.stale;
    await this.#write("ask_question", task, {
      kind: "approval",
      title: "May I?",
      tool_call_id: crypto.randomUUID(),
    });
    return this.#tally.stale === stale;
  }

  async #take({ id, task_id }: { id: string; task_id: string }, tasks: ClaimedTask[]) {
    const claim_id = tasks.find((task) => task.id === task_id)?.claim_id;
    try {
      await this.#call("take_input", { task_id, claim_id, input_id: id });
    } catch (error) {
      if (!(error instanceof CallError) || error.code !== "stale_claim") throw error;
      this.#tally.stale++;
      return;
    }
    this.#tally.taken.set(id, (this.#tally.taken.get(id) ?? 0) + 1);
  }

  async #writeLate(now: number): Promise<void> {
    for (const late of this.#late.splice(0)) {
      if (late.at > now) this.#late.push(late);
      else await this.#complete(late.task);
    }
  }

  async #complete(task: ClaimedTask): Promise<void> {
    const accepted = await this.#write("complete_task", task, { result: `result of ${task.id}` });
    if (!accepted) return;
    this.#tally.completed.set(task.id, (this.#tally.completed.get(task.id) ?? 0) + 1);
  }

  /** Whether the hub took it; a claim that is over is the only refusal allowed. */
  async #write(name: string, task: ClaimedTask, values: Record<string, unknown>) {
    try {
      const { id: task_id, claim_id } = task;
      const { task: after } = await this.#call(name, { task_id, claim_id, ...values });
      return name === "complete_task" && after.status === "complete";
    } catch (error) {
      if (!(error instanceof CallError) || error.code !== "stale_claim") throw error;
      this.#tally.stale++;
      return false;
    }
  }

  // deno-lint-ignore no-explicit-any -- whatever the RPC answers
  #call<Answer = any>(name: string, values: Record<string, unknown>): Promise<Answer> {
    return this.#session.call<Answer>(name, { token: this.#token, ...values });
  }
}

/** One of the keys, each as often as its weight says. */
function weighted<Key extends string>(random: Random, weights: Record<Key, number>): Key {
  const entries = Object.entries(weights) as [Key, number][];
  let left = random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  return entries.find(([, weight]) => (left -= weight) < 0)![0];
}
