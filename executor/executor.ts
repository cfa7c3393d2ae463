import { Bell } from "./bell.ts";
import { type Config, SetupError } from "./config.ts";
import type { FoundModel } from "./detect.ts";
import { type ClaimedTask, type Hub, HubError } from "./hub.ts";
import type { Runs } from "./runs.ts";
import { listenForWork } from "./wake.ts";
import { Work } from "./work.ts";

export interface ExecutorOptions {
  config: Config;
  hub: Hub;
  models: FoundModel[];
  runs: Runs;
  environment: Record<string, string>;
  log(text: string): void;
}

/**
 * Claims tasks while there is a free slot, runs them, and keeps their leases. It claims when the
 * hub wakes it, when a slot becomes free, and now and then by itself.
 */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #running = new Map<string, Work>();
  readonly #bell = new Bell();
  readonly #beat = new Bell();
  #stopping = false;
  #awake = false;
  #advertised = false;
  #broken: Error | null = null;
  #lastBeat = 0;
  /** When the leases were surely still held, in ms of `performance.now()`, and how long they last. */
  #leaseFrom = performance.now();
  #leaseLasts = 90_000;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** Works until `stop`, and throws when the hub does not know this device any more. */
  async run(): Promise<void> {
    await this.#releaseLeftovers();
    await this.#heartbeat();
    const stopListening = listenForWork(this.#options.hub.client, {
      onTask: () => this.#bell.ring(),
      onState: (awake) => {
        this.#awake = awake;
        // Nothing that was announced before is announced again.
        if (awake) this.#bell.ring();
      },
    });
    const beating = this.#keepBeating();
    try {
      await this.#claimForEver();
    } finally {
      this.#stopping = true;
      await Promise.all([...this.#running.values()].map((work) => work.done));
      this.#beat.ring();
      await beating;
      await stopListening();
    }
    if (this.#broken) throw this.#broken;
  }

  /**
   * Claims nothing more and lets the running tasks `grace` ms to end; then they are killed and
   * released. `run` returns when all of that is done.
   */
  stop(grace: number): void {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#bell.ring();
      const count = this.#running.size;
      if (count) {
        this.#options.log(`Stopping: ${count} running task(s) have ${grace / 1000} s to end`);
      }
    }
    const timer = setTimeout(() => {
      for (const work of this.#running.values()) work.stop("shutdown");
    }, grace);
    Deno.unrefTimer(timer);
  }

  /** Does not wait for a hub that does not answer; the next start releases what is left. */
  abandon(): void {
    for (const work of this.#running.values()) {
      work.stop("shutdown");
      work.abandon();
    }
  }

  async #claimForEver(): Promise<void> {
    let empty = 0;
    let trouble = 0;
    while (!this.#stopping) {
      const free = this.#options.config.maxRunning - this.#running.size;
      if (free > 0) {
        try {
          const tasks = await this.#options.hub.claim(free);
          trouble = 0;
          for (const task of tasks) this.#start(task);
          // One empty answer may have crossed a task on its way; after a second one, the hub
          // knows that this device waits, and wakes it.
          empty = tasks.length ? 0 : empty + 1;
          if (empty < 2) continue;
        } catch (error) {
          this.#survive(error, "claim");
          trouble++;
        }
      }
      empty = 0;
      await this.#bell.wait(this.#pause(trouble));
    }
  }

  #start(task: ClaimedTask): void {
    const { models, config, hub, runs, environment, log } = this.#options;
    const lasts = Date.parse(task.lease_expires_at) - Date.parse(task.started_at);
    if (lasts > 0) this.#leaseLasts = lasts;
    if (this.#running.size === 0) this.#leaseFrom = performance.now();
    // The hub hands out only what this device has advertised.
    const found = models.find(({ model }) => model === task.model)!;
    log(`${task.short_id} claimed for ${task.model} in "${task.project ?? ""}"`);
    // Claimed again after a lease that ran out unnoticed.
    this.#running.get(task.id)?.stop("lost");
    const work = new Work(task, found, { config, hub, runs, environment, log });
    this.#running.set(task.id, work);
    work.done.then(() => {
      if (this.#running.get(task.id) === work) this.#running.delete(task.id);
      this.#bell.ring();
    });
  }

  async #keepBeating(): Promise<void> {
    while (!(this.#stopping && this.#running.size === 0)) {
      await this.#beat.wait(Math.min(BEAT_BUSY, this.#leaseLasts / 4));
      const quiet = performance.now() - this.#lastBeat < BEAT_IDLE;
      if (this.#running.size > 0 || !quiet) await this.#heartbeat();
    }
  }

  async #heartbeat(): Promise<void> {
    const { hub, models, config, log } = this.#options;
    const from = this.#lastBeat = performance.now();
    try {
      const { cancel, lost } = await hub.heartbeat(
        [...this.#running.keys()],
        this.#advertised ? undefined : models.map(({ model, version }) => ({ model, version })),
      );
      if (!this.#advertised) {
        const offered = models.map(({ model, version }) => `${model} ${version ?? ""}`.trim());
        log(`"${config.device}" offers ${offered.join(", ")} to ${config.url}`);
      }
      this.#advertised = true;
      this.#leaseFrom = from;
      for (const id of cancel) this.#running.get(id)?.stop("cancelled");
      for (const id of lost) this.#running.get(id)?.stop("lost");
    } catch (error) {
      this.#survive(error, "heartbeat");
      if (performance.now() - this.#leaseFrom < this.#leaseLasts) return;
      // Somebody else may run them by now.
      for (const work of this.#running.values()) work.stop("lost");
    }
  }

  /** Lets a passing trouble pass; anything else ends the executor. */
  #survive(error: unknown, what: string): void {
    const { log } = this.#options;
    if (!(error instanceof HubError)) throw error;
    log(`The ${what} failed: ${error.message}`);
    if (error.passing) return;
    if (error.code === "bad_device_token") {
      this.#broken = new SetupError(
        `The hub does not accept this device's token any more; another enrolment with the same ` +
          `name replaces it. Run "npm run executor -- enroll" again.`,
      );
      this.#stopping = true;
      for (const work of this.#running.values()) work.stop("lost");
      this.#bell.ring();
    }
  }

  #pause(trouble: number): number {
    const base = trouble
      ? Math.min(1_000 * 2 ** trouble, 60_000)
      : this.#awake
      ? POLL_LISTENING
      : POLL_ALONE;
    return base * (0.5 + Math.random());
  }

  /** Ends and gives back what an executor that crashed has left, so that nobody waits for it. */
  async #releaseLeftovers(): Promise<void> {
    const { runs, hub, log } = this.#options;
    await runs.killAll();
    for (const record of runs.list()) {
      try {
        await hub.release({ id: record.taskId, claim_id: record.claimId });
        log(`${record.shortId} released: this executor had crashed`);
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        log(`${record.shortId} was not released: ${error.message}`);
        if (error.passing) continue;
      }
      runs.remove(record);
    }
  }
}

const BEAT_IDLE = 20_000;
/** How soon a cancelled task is noticed, when the agent shows no progress. */
const BEAT_BUSY = 5_000;
const POLL_LISTENING = 30_000;
const POLL_ALONE = 3_000;
