import type { Agent, McpCommand, Refusal } from "./agents/agent.ts";
import { pictureType } from "./agents/picture.ts";
import { ApiError } from "./api_error.ts";
import { findProgram, type FoundModel } from "./detect.ts";
import { deviceArguments } from "./device_arguments.ts";
import { fill, isSession } from "./fill.ts";
import type { ClaimedTask, Hub, TaskInput } from "./hub.ts";

import { FORMATS, resumesByItself } from "./presets.ts";
import { promptOf } from "./prompt.ts";
import type { Questions } from "./questions.ts";
import { type AgentEnd, runAgent } from "./run_agent.ts";

export interface ConversationOptions {
  task: ClaimedTask;
  found: FoundModel;
  hub: Pick<Hub, "takeInput">;
  questions: Questions;
  /** Where the agent works, and then where else it may edit. */
  folders: readonly string[];
  /** A folder of this run's own, for what the agent's program is given. */
  scratch: string;
  /** Files that came with the request. */
  files: string[];
  mcp: McpCommand | null;
  /** What the agent should know of where it runs. */
  notice: string;
  environment: Record<string, string>;
  marker: string;
  /** Ends the conversation. */
  signal: AbortSignal;
  onStart(pid: number): void;
  onStep(text: string): void;
  onSession(id: string): void;
  log(text: string): void;
}

/** The program could not be started at all: nothing is wrong with the task. */
export class ProgramError extends Error {
  override name = "ProgramError";
}

/**
 * A run's talk with its agent: one process, or several one after another where the session had to
 * be begun anew or a person's words interrupted an agent that hears nothing while it works.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  #agent: Agent | null = null;
  /** Ends the present process only. */
  #process = new AbortController();
  /** Words that were taken from the hub and have not surely reached the agent. */
  #words: string[] = [];
  /** Heartbeats name an input until it has been taken. */
  readonly #taken = new Set<string>();
  #session: string | null = null;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** The session as far as it is known. */
  get session(): string | null {
    return this.#session;
  }

  async run(): Promise<AgentEnd> {
    const { task, found, files, signal, onStep } = this.#options;
    const resumes = found.config.resume !== undefined || resumesByItself(found.config.format);
    let session = resumes && isSession(task.session_id) ? task.session_id : null;
    const begunWith = session;
    let prompt = promptOf(task, { anew: !session, resumed: session !== null, files });
    let first = true;
    while (true) {
      const end = await this.#runOnce(prompt, session, first ? files : []);
      if (signal.aborted) return end;
      const { report } = end;
      if (session && session === begunWith && report.sessionLost && report.result === undefined) {
        this.#beginAnew();
        session = null;
        prompt = promptOf(task, { anew: true, resumed: false, files });
        continue;
      }
      if (this.#words.length === 0 || !canGoOn(end, resumes)) return end;
      onStep("Going on with what was said meanwhile");
      session = report.session ?? session;
      prompt = this.#words.splice(0).join("\n\n");
      first = false;
    }
  }

  /** Words of a person for the running agent; taken only where they can be given. */
  async input({ id, content, interrupt }: TaskInput): Promise<void> {
    const { task, hub, log } = this.#options;
    const agent = this.#agent;
    if (!agent || (!agent.input && !interrupt) || this.#taken.has(id)) return;
    this.#taken.add(id);
    try {
      await hub.takeInput(task, id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.passing) this.#taken.delete(id);
      log(`${task.short_id} did not take what was said: ${error.message}`);
      return;
    }
    this.#words.push(content);
    if (agent.input && agent === this.#agent) agent.input(content, interrupt);
    else if (interrupt) this.#process.abort();
  }

  #beginAnew(): void {
    const { task, onStep, log } = this.#options;
    log(`${task.short_id} begins anew: its session cannot be resumed`);
    onStep("Began anew with what was said here: the session could not be resumed");
  }

  async #runOnce(prompt: string, session: string | null, files: string[]): Promise<AgentEnd> {
    const { found, folders, scratch, mcp, notice, environment, marker, signal, questions } =
      this.#options;
    const { config } = found;
    // Agents update themselves, and may be somewhere else by now.
    const path = findProgram(config.command[0]!) ?? found.path;
    const template = session && config.resume ? config.resume : config.command;
    const { argv, input } = fill([path, ...template.slice(1)], {
      args: config.args,
      device: deviceArguments(config.format, {
        table: config.permissions,
        folders,
        scratch,
        mcp,
        notice,
      }),
      session,
      prompt,
    });
    this.#process = new AbortController();
    try {
      return await runAgent({
        argv,
        writesPrompt: input !== null,
        start: {
          prompt,
          session,
          folder: folders[0]!,
          images: files.filter((file) => pictureType(file) !== null),
          mcp,
          notice,
          writable: folders.slice(1),
        },
        environment: { ...environment, ...config.env },
        format: FORMATS[config.format],
        marker,
        signal: AbortSignal.any([signal, this.#process.signal]),
        onStart: (pid, agent) => {
          this.#agent = agent;
          this.#options.onStart(pid);
        },
        listener: {
          step: (text) => this.#options.onStep(text),
          session: (id) => this.#learn(id),
          ask: (ask) => questions.ask(ask),
          refused: (refusal: Refusal) => questions.refused(refusal),
          heard: (count) => void this.#words.splice(0, count),
        },
      });
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new ProgramError(`${path} cannot be started: ${(error as Error).message}`);
    } finally {
      this.#agent = null;
    }
  }

  #learn(id: string): void {
    if (!isSession(id) || id === this.#session) return;
    this.#session = id;
    this.#options.onSession(id);
  }
}

function canGoOn({ report }: AgentEnd, resumes: boolean): boolean {
  return resumes && report.error === undefined && report.limitedUntil === undefined;
}

/** The program or its interpreter is not there, or may not be run. */
function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Error && /Exec format error|os error 8\b/.test(error.message);
}
