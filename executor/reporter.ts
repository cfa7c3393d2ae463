import type { AgentReport, Refusal } from "./agents/agent.ts";
import { ApiError, deliver } from "./api_error.ts";
import type { Config } from "./config.ts";
import type { ClosedTree } from "./git/close.ts";
import { isSession } from "./fill.ts";
import type { ClaimedTask, Completion, Hub } from "./hub.ts";
import type { Rests } from "./limits.ts";
import type { Outcome } from "./outcome.ts";
import { fitResult, whereKept } from "./result.ts";
import { SessionCosts } from "./session_costs.ts";
import { clean, cut } from "./text.ts";

export type StopReason = "cancelled" | "lost" | "time-out" | "shutdown" | "parked";

export interface ReporterContext {
  config: Config;
  hub: Hub;
  rests: Rests;
  log(text: string): void;
}

/** Tells the hub how a run ended, until it has heard it. */
export class Reporter {
  readonly #task: ClaimedTask;
  readonly #context: ReporterContext;
  readonly #abandoned: AbortSignal;
  #report: AgentReport = {};
  #tree: ClosedTree | null = null;
  #attached: string | undefined;

  constructor(task: ClaimedTask, context: ReporterContext, abandoned: AbortSignal) {
    this.#task = task;
    this.#context = context;
    this.#abandoned = abandoned;
  }

  /** What the agent's output told of model and usage. */
  keep(report: AgentReport): void {
    this.#report = report;
  }

  /** What became of the task's working tree. */
  keepTree(tree: ClosedTree): void {
    this.#tree = tree;
  }

  /** The whole result has been delivered as this file. */
  attached(name: string): void {
    this.#attached = name;
  }

  /** False when the hub could not be told. */
  async report(
    outcome: Outcome,
    stopped: StopReason | null,
    { session, refusals }: { session: string | null; refusals: Refusal[] },
  ): Promise<boolean> {
    const { hub, log, config } = this.#context;
    const task = this.#task;
    // An answer that was there before the reason to stop is still the answer.
    const reason = outcome.kind === "complete" && stopped !== "lost" && stopped !== "parked"
      ? null
      : stopped;
    switch (reason) {
      case "lost":
        log(`${task.short_id} stopped: it belongs to another claim now`);
        return true;
      case "cancelled":
        log(`${task.short_id} cancelled`);
        if (this.#tree?.changes || this.#tree?.kept) {
          const { note } = this.#tree;
          await this.#deliver(() => hub.progress(task, note));
        }
        return await this.#deliver(() => hub.release(task));
      case "shutdown":
        log(`${task.short_id} released`);
        return await this.#deliver(() => hub.release(task));
      case "parked":
        log(`${task.short_id} waits for an answer`);
        return await this.#deliver(() => hub.park(task, session));
      case "time-out": {
        const late = `The task ran longer than ${config.maxMinutes} minutes and was stopped.`;
        const error = [late, this.#tree?.note].filter(Boolean).join("\n");
        log(`${task.short_id} failed: ${error}`);
        return await this.#deliver(() => hub.fail(task, error, { retryable: false }));
      }
    }
    if (outcome.kind === "limited") return await this.#limited(outcome.until);
    if (outcome.kind === "failed") {
      log(`${task.short_id} failed: ${outcome.error.split("\n")[0]}`);
      return await this.#fail(outcome.error, outcome);
    }
    return await this.#complete(outcome.result, session, refusals);
  }

  #limited(said: Date | null): Promise<boolean> {
    const { hub, log, rests } = this.#context;
    const { model, short_id } = this.#task;
    const until = said ?? rests.until(model);
    log(`${short_id} gives ${model} a rest until ${until.toISOString()}`);
    return this.#deliver(() => hub.rateLimit(this.#task, model, until));
  }

  async #complete(whole: string, session: string | null, refusals: Refusal[]): Promise<boolean> {
    const { hub, log, config, rests } = this.#context;
    const task = this.#task;
    rests.answered(task.model);
    const result = fitResult(clean(whole), task, config, this.#attached);
    const essential: Completion = { model: task.model };
    const details: Completion = {
      ...essential,
      ...(isSession(session) && { session }),
      usage: this.#usage(session),
      refusals,
      ...(this.#tree?.changes && { changes: { ...this.#tree.changes } }),
    };
    try {
      const told = await this.#deliver(() => hub.complete(task, result, details));
      log(`${task.short_id} complete`);
      return told;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      log(`${task.short_id} is reported without its details: ${error.message}`);
    }
    try {
      const note = refusals.length ? `⚠️ ${refusals.length} action(s) refused\n\n` : "";
      return await this.#deliver(() => hub.complete(task, note + result, essential));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const where = whereKept(whole, task, config);
      return await this.#fail(
        `The hub refused the result: ${error.message}\n${cut(whole, 100_000)}\n\n${where}`,
        {
          retryable: false,
        },
      );
    }
  }

  /** What this attempt used, with the true name of the model. */
  #usage(session: string | null): Record<string, unknown> {
    const { model, usage, sessionCost } = this.#report;
    if (!session || !sessionCost) return { ...(model && { model }), ...usage };
    try {
      const costs = new SessionCosts(this.#context.config.stateFolder);
      const total_cost_usd = costs.spent(session, sessionCost);
      return { ...(model && { model }), ...usage, total_cost_usd };
    } catch (error) {
      // A full disk costs the figure, not the result.
      this.#context.log(`${this.#task.short_id}: ${(error as Error).message}`);
      return { ...(model && { model }), ...usage };
    }
  }

  #fail(
    error: string,
    { retryable, elsewhere }: { retryable: boolean; elsewhere?: boolean },
  ): Promise<boolean> {
    const again = { retryable, elsewhere: elsewhere ?? false };
    return this.#deliver(() => this.#context.hub.fail(this.#task, clean(error), again));
  }

  #deliver(call: () => Promise<unknown>): Promise<boolean> {
    return deliver(call, {
      signal: this.#abandoned,
      onDelay: (error) =>
        this.#context.log(`${this.#task.short_id} will be reported again: ${error.message}`),
    });
  }
}
