import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Model } from "./presets.ts";
import { redact } from "./text.ts";

/** A task as `claim_tasks` hands it out. */
export interface ClaimedTask {
  id: string;
  short_id: string;
  claim_id: string;
  content: string;
  project: string | null;
  model: Model;
  kind: string;
  /** Of a subtask: `goal`, the whole request of its team. */
  metadata?: Record<string, unknown>;
  attempt: number;
  session_id: string | null;
  task_thread_id: string | null;
  started_at: string;
  lease_expires_at: string;
  cancel_requested_at: string | null;
}

export interface Heartbeat {
  cancel: string[];
  lost: string[];
  lease_expires_at: string;
}

/** A call that the hub refused or that did not reach it. */
export class HubError extends Error {
  override name = "HubError";

  constructor(
    message: string,
    /** The stable name of the refusal, e.g. `stale_claim`; empty when there was no answer. */
    readonly code: string,
    /** The HTTP status; 0 when there was no answer. */
    readonly status: number,
  ) {
    super(message);
  }

  /** The same call may succeed later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

type Claim = Pick<ClaimedTask, "id" | "claim_id">;

/** The hub as a device sees it: one method for each call of an executor. */
export class Hub {
  readonly client: SupabaseClient;
  readonly #token: string;

  constructor({ url, publishableKey, token }: {
    url: string;
    publishableKey: string;
    token: string;
  }) {
    this.client = createClient(url, publishableKey, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    this.#token = token;
  }

  claim(most: number): Promise<ClaimedTask[]> {
    return this.#call("claim_tasks", { max_tasks: most });
  }

  heartbeat(running: string[], models?: { model: Model; version: string | null }[]) {
    return this.#call<Heartbeat>("device_heartbeat", { running, ...(models && { models }) });
  }

  progress(claim: Claim, text: string) {
    return this.#write("report_progress", claim, { partial_output: text });
  }

  complete(
    claim: Claim,
    result: string,
    details: { model?: string; session?: string; usage?: Record<string, unknown> },
  ) {
    return this.#write("complete_task", claim, {
      result,
      model_used: details.model ?? null,
      session_id: details.session ?? null,
      usage: details.usage ?? null,
    });
  }

  fail(claim: Claim, error: string, retryable: boolean) {
    return this.#write("fail_task", claim, { error, retryable });
  }

  rateLimit(claim: Claim, model: Model, until: Date) {
    return this.#write("report_rate_limit", claim, { model, until: until.toISOString() });
  }

  release(claim: Claim) {
    return this.#write("release_task", claim, {});
  }

  async #write(name: string, { id, claim_id }: Claim, values: Record<string, unknown>) {
    // An agent can read this device's token where this executor can: it must not end up in a chat.
    const safe = Object.fromEntries(
      Object.entries(values).map((
        [key, value],
      ) => [key, typeof value === "string" ? redact(value, [this.#token]) : value]),
    );
    const { task } = await this.#call<{ task: ClaimedTask }>(name, {
      task_id: id,
      claim_id,
      ...safe,
    });
    return task;
  }

  async #call<T>(name: string, values: Record<string, unknown>): Promise<T> {
    const { data, error, status } = await this.client
      .rpc(name, { token: this.#token, ...values })
      .abortSignal(AbortSignal.timeout(PATIENCE));
    if (!error) return data as T;
    if (status === 0) throw new HubError(`the hub does not answer (${error.message})`, "", 0);
    const advice = error.hint ? ` ${error.hint}` : "";
    const message = redact(`${error.message}${advice}`, [this.#token]);
    throw new HubError(message, error.details ?? "", status);
  }
}

const PATIENCE = 30_000;
