import { join } from "node:path";
import type { Config } from "./config.ts";
import { Conversation, ProgramError } from "./conversation.ts";
import { Countdown } from "./countdown.ts";
import type { FoundModel } from "./detect.ts";
import { FolderError } from "./folder.ts";
import { BranchError } from "./git/tree.ts";
import type { ClaimedTask, Hub, TaskInput } from "./hub.ts";
import { ApiError } from "./api_error.ts";
import { fetchFiles } from "./files/incoming.ts";
import { deliverFiles } from "./files/outgoing.ts";
import { McpBridge } from "./mcp/bridge.ts";
import { isTooLong } from "./result.ts";
import type { Rests } from "./limits.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import type { FormatName } from "./presets.ts";
import { processTable } from "./processes.ts";
import { Progress } from "./progress.ts";
import { runPublishing } from "./publishing.ts";
import { redactor } from "./question_text.ts";
import { Questions } from "./questions.ts";
import { Reporter, type StopReason } from "./reporter.ts";
import type { AgentEnd } from "./run_agent.ts";
import type { RunRecord, Runs } from "./runs.ts";
import { Scratch } from "./scratch.ts";
import { clean } from "./text.ts";
import { openWorkplace, type Workplace } from "./workplace.ts";

export interface RunContext {
  config: Config;
  hub: Hub;
  runs: Runs;
  rests: Rests;
  environment: Record<string, string>;
  /** A question was opened or answered: a slot may be free. */
  onWaiting(): void;
  /** This machine cannot run the model any more. */
  withdraw(model: string, why: string): Promise<void>;
  log(text: string): void;
}

/** One claimed task, from the claim to the report of its end. */
export class TaskRun {
  readonly task: ClaimedTask;
  /** Settles when the end is reported, or need not be; never rejects. */
  readonly done: Promise<void>;
  readonly #context: RunContext;
  /** Null for a task that needs none. */
  readonly #found: FoundModel | null;
  readonly #stopping = new AbortController();
  readonly #abandoned = new AbortController();
  readonly #record: RunRecord;
  readonly #progress: Progress;
  readonly #limit: Countdown;
  readonly #hold: Countdown;
  readonly #reporter: Reporter;
  #questions: Questions | null = null;
  #conversation: Conversation | null = null;
  #reason: StopReason | null = null;
  #recording: Promise<void> = Promise.resolve();

  constructor(task: ClaimedTask, found: FoundModel | null, context: RunContext) {
    this.task = task;
    this.#found = found;
    this.#context = context;
    const { config } = context;
    this.#record = {
      taskId: task.id,
      shortId: task.short_id,
      claimId: task.claim_id,
      deviceId: config.deviceId,
      model: task.model,
      project: task.project ?? "",
      since: new Date().toISOString(),
      marker: crypto.randomUUID(),
    };
    this.#limit = new Countdown(config.maxMinutes * 60_000, () => this.stop("time-out"));
    this.#hold = new Countdown(config.holdMinutes * 60_000, () => this.stop("parked"));
    this.#progress = new Progress((text) => this.#reportProgress(text));
    this.#reporter = new Reporter(task, context, this.#abandoned.signal);
    this.done = this.#perform();
  }

  /** The agent waits for a person: it takes none of the device's slots. */
  get waiting(): boolean {
    return (this.#questions?.open ?? 0) > 0;
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

  /** Some of its questions may have been answered. */
  async answered(ids?: readonly string[]): Promise<void> {
    await this.#questions?.look(ids);
  }

  async input(input: TaskInput): Promise<void> {
    await this.#conversation?.input(input);
  }

  async #perform(): Promise<void> {
    const { runs, log } = this.#context;
    try {
      const outcome = await this.#outcome();
      await this.#recording;
      const session = this.#conversation?.session ?? null;
      const refusals = this.#questions?.refusals ?? [];
      const told = await this.#reporter.report(outcome, this.#reason, { session, refusals });
      if (told) runs.remove(this.#record);
    } catch (error) {
      // The record stays: the next start of the executor gives the task back.
      log(`${this.task.short_id} could not be reported: ${(error as Error).message}`);
    } finally {
      this.#limit.stop();
      this.#hold.stop();
    }
  }

  async #outcome(): Promise<Outcome> {
    try {
      this.#context.runs.write(this.#record);
      this.#limit.go();
      return await this.#run();
    } catch (error) {
      // This machine's trouble, e.g. a full disk, and not the task's.
      const where = `It cannot be run on "${this.#context.config.device}"`;
      const told = `${where}: ${(error as Error).message}`;
      return { kind: "failed", error: told, retryable: true, elsewhere: true };
    }
  }

  async #run(): Promise<Outcome> {
    const { config, environment } = this.#context;
    if (!this.#found) return await this.#publish();
    const scratch = new Scratch(config.stateFolder, this.#record.marker);
    try {
      let workplace: Workplace | undefined;
      let outcome: Outcome;
      try {
        const { hub } = this.#context;
        const files = await fetchFiles(hub, this.task, this.task.files ?? [], scratch.in);
        workplace = await openWorkplace(this.task, config, environment);
        outcome = await this.#runIn(workplace.folder, this.#found, scratch, files);
      } catch (error) {
        outcome = await this.#failed(error as Error);
      }
      const closed = await workplace?.close(join(scratch.out, "changes.patch"));
      if (closed) this.#reporter.keepTree(closed);
      if (closed && outcome.kind === "complete") outcome.result += `\n\n${closed.note}`;
      if (closed && outcome.kind === "failed") outcome.error += `\n${closed.note}`;
      await this.#deliverFiles(outcome, scratch);
      return outcome;
    } finally {
      scratch.remove();
    }
  }

  /** What the agent left for people; a result that is too long is one of the files. */
  async #deliverFiles(outcome: Outcome, scratch: Scratch): Promise<void> {
    if (this.#reason === "lost" || this.#reason === "cancelled") return;
    const { short_id } = this.task;
    const name = `result-${short_id}.md`;
    const whole = outcome.kind === "complete" && isTooLong(outcome.result);
    if (whole) Deno.writeTextFileSync(join(scratch.out, name), clean(outcome.result));
    const delivered = await deliverFiles(scratch.out, {
      hub: this.#context.hub,
      claim: this.task,
      signal: this.#abandoned.signal,
      log: (text) => this.#context.log(`${short_id}: ${text}`),
    });
    if (whole && delivered.includes(name)) this.#reporter.attached(name);
  }

  async #publish(): Promise<Outcome> {
    const { config, environment } = this.#context;
    const signal = this.#stopping.signal;
    try {
      return await runPublishing(this.task, { config, environment, signal });
    } catch (error) {
      return await this.#failed(error as Error);
    }
  }

  async #failed(error: Error): Promise<Outcome> {
    if (!(error instanceof ProgramError)) {
      const missing = error instanceof FolderError;
      const retryable = !missing && !(error instanceof BranchError);
      return { kind: "failed", error: error.message, retryable, elsewhere: missing };
    }
    const { model } = this.task;
    await this.#context.withdraw(model, error.message);
    const where = `${model} cannot be started on "${this.#context.config.device}"`;
    const told = `${where}: ${error.message}`;
    return { kind: "failed", error: told, retryable: true, elsewhere: true };
  }

  async #runIn(
    folder: string,
    found: FoundModel,
    scratch: Scratch,
    files: string[],
  ): Promise<Outcome> {
    const { config, hub, environment, log } = this.#context;
    const folders = [folder, scratch.out];
    const questions = this.#questions = new Questions({
      hub,
      claim: this.task,
      table: found.config.permissions,
      folders,
      answers: this.task.answers ?? [],
      redact: redactor(config.token, environment),
      signal: this.#stopping.signal,
      onOpen: (count) => this.#onOpen(count),
      log: (text) => log(`${this.task.short_id}: ${text}`),
    });
    using bridge = new McpBridge({
      scratch: scratch.folder,
      folders,
      out: scratch.out,
      ask: (ask) => questions.ask(ask),
    });
    this.#conversation = new Conversation({
      task: this.task,
      found,
      hub,
      questions,
      folders,
      scratch: scratch.folder,
      files,
      mcp: bridge.command,
      notice: noticeOf(found.config.format, scratch.out),
      environment: { ...environment, AURA_TASK_KIND: this.task.kind, AURA_OUT: scratch.out },
      marker: this.#record.marker,
      signal: this.#stopping.signal,
      onStart: (pid) => this.#recording = this.#recordStart(pid),
      onStep: (text) => this.#progress.add([text]),
      onSession: (session) => {
        this.#note({ session });
        this.#progress.now();
      },
      log,
    });
    try {
      const end = await this.#conversation.run();
      if (end.survivors) log(`${this.task.short_id}: ${end.survivors}`);
      this.#reporter.keep(end.report);
      return this.#judge(end);
    } finally {
      await this.#progress.stop();
    }
  }

  #judge(end: AgentEnd): Outcome {
    const outcome = outcomeOf(end, this.task.model, this.#context.config.device);
    // The agent has said its last word for now, and what it asked is still open.
    if (outcome.kind === "complete" && this.waiting && !this.#reason) this.#reason = "parked";
    return outcome;
  }

  #onOpen(count: number): void {
    if (count > 0) {
      this.#limit.stop();
      this.#hold.go();
    } else {
      this.#hold.stop();
      this.#limit.go();
    }
    this.#note({ asking: count > 0 });
    this.#context.onWaiting();
  }

  async #reportProgress(text: string): Promise<void> {
    const { hub, log } = this.#context;
    const { short_id } = this.task;
    try {
      const session = this.#conversation?.session ?? undefined;
      const task = await hub.progress(this.task, text, session);
      if (task.cancel_requested_at) this.stop("cancelled");
    } catch (error) {
      if (error instanceof ApiError && error.gone) this.stop("lost");
      else log(`${short_id} progress did not arrive: ${(error as Error).message}`);
    }
  }

  async #recordStart(pid: number): Promise<void> {
    const started = (await processTable()).find((process) => process.pid === pid)?.started;
    if (!started) return;
    this.#note({ pid, started });
  }

  /** Writes down what a later start of the executor would have to know. */
  #note(more: Partial<RunRecord>): void {
    Object.assign(this.#record, more);
    try {
      this.#context.runs.write(this.#record);
    } catch (error) {
      this.#context.log(`${this.task.short_id}: ${(error as Error).message}`);
    }
  }
}

/** What an agent cannot know by itself of where it runs. */
function noticeOf(format: FormatName, out: string): string {
  const files = `Files that the people who asked should get go into the folder "${out}".`;
  const tools =
    "To ask these people something, use the tool ask_person; nobody sees your terminal.";
  return ["claude", "codex", "acp"].includes(format) ? `${tools} ${files}` : files;
}
