import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { VERSION } from "../client/version.ts";
import type { Refusal } from "./agents/agent.ts";
import { ApiError, unanswered } from "./api_error.ts";
import { redact } from "./text.ts";

/** A task as `claim_tasks` hands it out. */
export interface ClaimedTask {
  id: string;
  short_id: string;
  claim_id: string;
  content: string;
  project: string | null;
  model: string;
  kind: string;
  /** Of a subtask: `goal`, the whole request of its team. */
  metadata?: Record<string, unknown>;
  attempt: number;
  max_attempts?: number | null;
  session_id: string | null;
  task_thread_id: string | null;
  started_at: string;
  lease_expires_at: string;
  cancel_requested_at: string | null;
  /** What was asked in earlier runs, with the answers. */
  answers?: Question[];
  /** What was said in the thread, for an agent that has no session of it. */
  history?: string | null;
  /** Files that belong to the request. */
  files?: TaskFile[];
}

export interface Question {
  id: string;
  tool_call_id: string | null;
  kind: "approval" | "question";
  title: string;
  detail: string | null;
  options: QuestionOption[] | null;
  state: "open" | "answered" | "expired" | "withdrawn";
  option_id: string | null;
  answer: string | null;
  /** An earlier run has worked with the answer. */
  told?: boolean;
}

export interface QuestionOption {
  id: string;
  label: string;
  kind: "allow_once" | "reject_once" | "choice";
}

export interface NewQuestion {
  kind: "approval" | "question";
  title: string;
  detail: string;
  options: QuestionOption[];
  allow_text: boolean;
  tool_call_id: string;
}

/** A file of a task, in the hub. */
export interface TaskFile {
  id: string;
  name: string;
  media_type: string;
  size: number;
  sha256: string | null;
}

/** A file that an agent leaves; with `error`, one that cannot be delivered. */
export interface NewFile extends Omit<TaskFile, "id"> {
  error?: string;
}

/** Words for a running task. */
export interface TaskInput {
  id: string;
  task_id: string;
  content: string;
  interrupt: boolean;
}

export interface Heartbeat {
  cancel: string[];
  lost: string[];
  lease_expires_at: string;
  /** Questions of these tasks that have been answered. */
  answered?: string[];
  inputs?: TaskInput[];
  /** Of the hub. */
  version: string;
}

export interface OfferedModel {
  model: string;
  version: string | null;
}

export interface Completion {
  model?: string;
  session?: string;
  usage?: Record<string, unknown>;
  refusals?: Refusal[];
  changes?: Record<string, unknown>;
}

export type Claim = Pick<ClaimedTask, "id" | "claim_id">;

/** The hub as a device sees it: one method for each call, with the device's token. */
export class Hub {
  readonly client: SupabaseClient;
  readonly #token: string;
  readonly #url: string;

  constructor({ url, publishableKey, token }: {
    url: string;
    publishableKey: string;
    token: string;
  }) {
    this.client = createClient(url, publishableKey, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    this.#token = token;
    this.#url = url;
  }

  claim(most: number): Promise<ClaimedTask[]> {
    return this.#call("claim_tasks", { max_tasks: most });
  }

  /** `models`: what is offered from now on, where that has changed. */
  heartbeat(running: string[], models?: OfferedModel[]): Promise<Heartbeat> {
    return this.#call("device_heartbeat", {
      ...{ running, agent_version: VERSION },
      ...(models && { models }),
    });
  }

  /** `session` is what the next run resumes, whatever ends this one. */
  progress(claim: Claim, text: string, session?: string): Promise<ClaimedTask> {
    return this.#write("report_progress", claim, {
      partial_output: text || null,
      ...(session && { session_id: session }),
    });
  }

  complete(claim: Claim, result: string, details: Completion): Promise<ClaimedTask> {
    const { model, session, usage, refusals, changes } = details;
    return this.#write("complete_task", claim, {
      result,
      model_used: model ?? null,
      session_id: session ?? null,
      usage: usage ?? null,
      ...(refusals?.length && { refusals }),
      ...(changes && { changes }),
    });
  }

  /** `elsewhere`: what is wrong is wrong with this device, and another one may do it. */
  fail(
    claim: Claim,
    error: string,
    { retryable, elsewhere = false }: { retryable: boolean; elsewhere?: boolean },
  ): Promise<ClaimedTask> {
    return this.#write("fail_task", claim, { error, retryable, ...(elsewhere && { elsewhere }) });
  }

  rateLimit(claim: Claim, model: string, until: Date): Promise<ClaimedTask> {
    return this.#write("report_rate_limit", claim, { model, until: until.toISOString() });
  }

  release(claim: Claim): Promise<ClaimedTask> {
    return this.#write("release_task", claim, {});
  }

  /** Asks a person; with a `tool_call_id` that was used before, tells what has become of it. */
  async ask({ id, claim_id }: Claim, question: NewQuestion): Promise<Question> {
    const values = { task_id: id, claim_id, ...this.#redacted({ ...question }) };
    return (await this.#call<{ question: Question }>("ask_question", values)).question;
  }

  /** Lets the task wait for its answers without a process. */
  park(claim: Claim, session: string | null): Promise<ClaimedTask> {
    return this.#write("park_task", claim, { session_id: session });
  }

  /** Takes words for the task; a second run that tries gets a refusal. */
  async takeInput({ id, claim_id }: Claim, input: string): Promise<void> {
    await this.#call("take_input", { task_id: id, claim_id, input_id: input });
  }

  /** An address to read a file of the task from. */
  async readFile({ id, claim_id }: Claim, file: string): Promise<string> {
    const body = { task_id: id, claim_id, file_id: file };
    return this.#address((await this.#function<{ url: string }>("files", body)).url);
  }

  /** Announces a file of the task's; `url` takes its bytes, where they are still wanted. */
  async offerFile(
    { id, claim_id }: Claim,
    about: NewFile,
  ): Promise<{ state: string; url: string | null }> {
    const body = { task_id: id, claim_id, ...about };
    const { file, url } = await this.#function<{ file: { state: string }; url: string | null }>(
      "files",
      body,
    );
    return { state: file.state, url: url && this.#address(url) };
  }

  /** Addresses of files are told as paths below the project's own. */
  #address(path: string): string {
    return new URL(path, this.#url).href;
  }

  async #write(name: string, { id, claim_id }: Claim, values: Record<string, unknown>) {
    const { task } = await this.#call<{ task: ClaimedTask }>(name, {
      task_id: id,
      claim_id,
      ...this.#redacted(values),
    });
    return task;
  }

  /** An agent can read this device's token where this executor can: it must not end up in a chat. */
  #redacted(values: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(values).map((
        [key, value],
      ) => [key, typeof value === "string" ? redact(value, [this.#token]) : value]),
    );
  }

  async #call<T>(name: string, values: Record<string, unknown>): Promise<T> {
    const { data, error, status } = await this.client
      .rpc(name, { token: this.#token, ...values })
      .abortSignal(AbortSignal.timeout(PATIENCE));
    if (!error) return data as T;
    if (status === 0) throw unanswered(error.message);
    const advice = error.hint ? ` ${error.hint}` : "";
    const message = redact(`${error.message}${advice}`, [this.#token]);
    throw new ApiError(message, error.details ?? "", status);
  }

  async #function<T>(name: string, body: Record<string, unknown>): Promise<T> {
    const { data, error, response } = await this.client.functions.invoke(name, {
      body: { token: this.#token, ...body },
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (!error) return data as T;
    if (!response) throw unanswered(String(error.message));
    const { error: told } = await response.json().catch(() => ({}));
    throw new ApiError(told?.message ?? String(error.message), told?.code ?? "", response.status);
  }
}

const PATIENCE = 30_000;
