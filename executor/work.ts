import type { Config } from "./config.ts";
import type { FoundModel } from "./detect.ts";
import { fill, isSession } from "./fill.ts";
import { FolderError, projectFolder } from "./folder.ts";
import { type ClosedTree, openTree, type Tree } from "./git/tree.ts";
import { type ClaimedTask, type Hub, HubError } from "./hub.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { FORMATS } from "./presets.ts";
import { processTable } from "./processes.ts";
import { Progress } from "./progress.ts";
import { promptOf } from "./prompt.ts";
import { fitResult } from "./result.ts";
import { type AgentEnd, runAgent } from "./run_agent.ts";
import type { RunRecord, Runs } from "./runs.ts";
import { clean } from "./text.ts";

export type StopReason = "cancelled" | "lost" | "time-out" | "shutdown";

export interface WorkContext {
  config: Config;
  hub: Hub;
  runs: Runs;
  environment: Record<string, string>;
  log(text: string): void;
}

/** One claimed task, from the claim to the report of its end. */
export class Work {
  readonly task: ClaimedTask;
  /** Settles when the end is reported, or need not be; never rejects. */
  readonly done: Promise<void>;
  readonly #context: WorkContext;
  readonly #found: FoundModel;
  readonly #stopping = new AbortController();
  readonly #abandoned = new AbortController();
  readonly #record: RunRecord;
  #reason: StopReason | null = null;
  /** What became of the task's working tree, once its agent has ended. */
  #closed: ClosedTree | undefined;
  #recording: Promise<void> = Promise.resolve();
  #details: AgentEnd["report"] = {};

  constructor(task: ClaimedTask, found: FoundModel, context: WorkContext) {
    this.task = task;
    this.#found = found;
    this.#context = context;
    this.#record = {
      taskId: task.id,
      shortId: task.short_id,
      claimId: task.claim_id,
      model: task.model,
      project: task.project ?? "",
      since: new Date().toISOString(),
      marker: crypto.randomUUID(),
    };
    this.done = this.#perform();
  }

  /** Kills the run; the first reason counts. */
  stop(reason: StopReason): void {
    if (this.#reason === "lost" || this.#reason === reason) return;
    if (this.#reason === null || reason === "lost") this.#reason = reason;
    if (reason === "lost") this.#abandoned.abort();
    this.#stopping.abort();
  }

  /** Gives up reporting too, when the executor must end now. */
  abandon(): void {
    this.#abandoned.abort();
  }

  async #perform(): Promise<void> {
    const { runs, log, config } = this.#context;
    runs.write(this.#record);
    const timeLimit = setTimeout(() => this.stop("time-out"), config.maxMinutes * 60_000);
    try {
      const outcome = await this.#run();
      clearTimeout(timeLimit);
      await this.#recording;
      if (await this.#report(outcome)) runs.remove(this.#record);
    } catch (error) {
      // The record stays: the next start of the executor releases the task.
      log(`${this.task.short_id} could not be reported: ${(error as Error).message}`);
    } finally {
      clearTimeout(timeLimit);
    }
  }

  async #run(): Promise<Outcome> {
    let tree: Tree | undefined;
    let outcome: Outcome;
    try {
      const { root, missingProjects } = this.#context.config;
      const project = projectFolder(root, this.task.project, missingProjects);
      tree = await this.#openTree(project);
      outcome = await this.#runIn(tree?.folder ?? project);
    } catch (error) {
      const { message } = error as Error;
      outcome = { kind: "failed", error: message, retryable: !(error instanceof FolderError) };
    }
    this.#closed = await tree?.close(`Task ${this.task.short_id} by ${this.task.model}`);
    const note = this.#closed?.note;
    if (note && outcome.kind === "complete") outcome.result += `\n\n${note}`;
    if (note && outcome.kind === "failed") outcome.error += `\n${note}`;
    return outcome;
  }

  async #openTree(project: string): Promise<Tree | undefined> {
    const { config, environment } = this.#context;
    if (config.isolation !== "worktree") return;
    const { device, stateFolder } = config;
    const key = this.#branchKey();
    return await openTree({
      project,
      key,
      task: this.task.short_id,
      device,
      stateFolder,
      environment,
    });
  }

  async #runIn(folder: string): Promise<Outcome> {
    const session = isSession(this.task.session_id) && this.#found.config.resume
      ? this.task.session_id
      : null;
    let end = await this.#runAgent(folder, session);
    if (session && end.report.sessionMissing && !this.#reason) {
      this.#context.log(`${this.task.short_id} begins anew: its session is no longer here`);
      end = await this.#runAgent(folder, null);
    }
    if (end.survivors) this.#context.log(`${this.task.short_id}: ${end.survivors}`);
    const outcome = outcomeOf(end, this.task.model, this.#context.config.device);
    if (outcome.kind === "complete") this.#details = end.report;
    return outcome;
  }

  async #runAgent(folder: string, session: string | null): Promise<AgentEnd> {
    const { hub, environment, log } = this.#context;
    const { config, path } = this.#found;
    const template = session ? config.resume! : config.command;
    const { argv, input } = fill([path, ...template.slice(1)], {
      args: config.args,
      session,
      prompt: promptOf(this.task),
    });
    const progress = new Progress(async (text) => {
      try {
        const task = await hub.progress(this.#claim, text);
        if (task.cancel_requested_at) this.stop("cancelled");
      } catch (error) {
        if (isGone(error)) this.stop("lost");
        else log(`${this.task.short_id} progress did not arrive: ${(error as Error).message}`);
      }
    });
    try {
      return await runAgent({
        argv,
        input,
        folder,
        environment: { ...environment, AURA_TASK_KIND: this.task.kind },
        format: FORMATS[config.format](),
        marker: this.#record.marker,
        signal: this.#stopping.signal,
        onStart: (pid) => this.#recording = this.#recordStart(pid),
        onSteps: (steps) => progress.add(steps),
      });
    } finally {
      await progress.stop();
    }
  }

  async #recordStart(pid: number): Promise<void> {
    const started = (await processTable()).find((process) => process.pid === pid)?.started;
    if (!started) return;
    Object.assign(this.#record, { pid, started });
    this.#context.runs.write(this.#record);
  }

  /** Tells the hub; false when the hub could not be told. */
  async #report(outcome: Outcome): Promise<boolean> {
    const { hub, log, config } = this.#context;
    const { task } = this;
    // An answer that was there before the reason to stop is still the answer.
    const reason = outcome.kind === "complete" && this.#reason !== "lost" ? null : this.#reason;
    switch (reason) {
      case "lost":
        log(`${task.short_id} stopped: it belongs to another claim now`);
        return true;
      case "cancelled":
        log(`${task.short_id} cancelled`);
        if (this.#closed?.changes || this.#closed?.kept) {
          const { note } = this.#closed;
          await this.#deliver(() => hub.progress(this.#claim, note));
        }
        return await this.#deliver(() => hub.release(this.#claim));
      case "shutdown":
        log(`${task.short_id} released`);
        return await this.#deliver(() => hub.release(this.#claim));
      case "time-out": {
        const late = `The task ran longer than ${config.maxMinutes} minutes and was stopped.`;
        const error = [late, this.#closed?.note].filter(Boolean).join("\n");
        log(`${task.short_id} failed: ${error}`);
        return await this.#deliver(() => hub.fail(this.#claim, error, false));
      }
    }
    switch (outcome.kind) {
      case "limited":
        log(`${task.short_id} gives ${task.model} a rest until ${outcome.until.toISOString()}`);
        return await this.#deliver(() => hub.rateLimit(this.#claim, task.model, outcome.until));
      case "failed":
        log(`${task.short_id} failed: ${outcome.error.split("\n")[0]}`);
        return await this.#fail(outcome.error, outcome.retryable);
      case "complete":
        return await this.#complete(outcome.result);
    }
  }

  async #complete(whole: string): Promise<boolean> {
    const { hub, log, config } = this.#context;
    const { session, model, usage } = this.#details;
    const result = fitResult(clean(whole), this.task, config);
    const details = {
      model: this.task.model,
      ...(isSession(session) && { session }),
      usage: { ...(model && { model }), ...usage },
    };
    try {
      const told = await this.#deliver(() => hub.complete(this.#claim, result, details));
      log(`${this.task.short_id} complete`);
      return told;
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      return await this.#fail(`The hub refused the result: ${error.message}`, false);
    }
  }

  #fail(error: string, retryable: boolean): Promise<boolean> {
    return this.#deliver(() => this.#context.hub.fail(this.#claim, clean(error), retryable));
  }

  /** Repeats a call until the hub has answered; a claim that is over needs no report. */
  async #deliver(call: () => Promise<unknown>): Promise<boolean> {
    for (let wait = 500;; wait = Math.min(wait * 2, 20_000)) {
      try {
        await call();
        return true;
      } catch (error) {
        if (isGone(error)) return true;
        if (!(error instanceof HubError) || !error.passing) throw error;
        if (this.#abandoned.signal.aborted) return false;
        this.#context.log(`${this.task.short_id} will be reported again: ${error.message}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.#abandoned.signal.addEventListener("abort", () => {
          clearTimeout(timer);
          resolve();
        }, { once: true });
      });
    }
  }

  get #claim() {
    return { id: this.task.id, claim_id: this.task.claim_id };
  }

  /** A thread's tasks run one after another on one branch; the subtasks of a team run at once. */
  #branchKey(): string {
    const { kind, task_thread_id, short_id } = this.task;
    return kind === "task" && task_thread_id ? task_thread_id.slice(0, 8) : short_id;
  }
}

/** The claim is no longer this executor's, or its task has ended. */
function isGone(error: unknown): boolean {
  return error instanceof HubError &&
    ["stale_claim", "task_finished", "task_not_found"].includes(error.code);
}
