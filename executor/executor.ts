import { versionProblem } from "../client/version.ts";
import { ApiError } from "./api_error.ts";
import { type Config, SetupError } from "./config.ts";
import type { ClaimedTask, Heartbeat, Hub } from "./hub.ts";
import { giveBackLeftovers } from "./leftovers.ts";
import type { Rests } from "./limits.ts";
import type { Offer } from "./offer.ts";
import type { Runs } from "./runs.ts";
import type { Slots, SlotUser } from "./slots.ts";
import { TaskRun } from "./task_run.ts";
import { listenForWork } from "./wake.ts";
import { WakeSignal } from "./wake_signal.ts";

export interface ExecutorOptions {
  config: Config;
  hub: Hub;
  offer: Offer;
  runs: Runs;
  /** Shared with the executors of other hubs, like the limits of models. */
  slots: Slots;
  rests: Rests;
  environment: Record<string, string>;
  log(text: string): void;
}

/**
 * Claims tasks of one hub while there is a free slot, runs them, and keeps their leases. It claims when the
 * hub wakes it, when a slot becomes free, and now and then by itself.
 */
export class Executor implements SlotUser {
  readonly #options: ExecutorOptions;
  readonly #running = new Map<string, TaskRun>();
  readonly #claimSoon = new WakeSignal();
  readonly #beatSoon = new WakeSignal();
  #stopping = false;
  #awake = false;
  #broken: Error | null = null;
  #lastBeat = 0;
  /** Of the hub, when it was last heard of. */
  #hubVersion = "";
  /** When the leases were surely still held, in ms of `performance.now()`, and how long they last. */
  #leaseFrom = performance.now();
  #leaseLasts = 90_000;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    options.slots.join(this);
  }

  /** Works until `stop`, and throws when the hub does not know this device any more. */
  async run(): Promise<void> {
    await giveBackLeftovers(this.#options);
    await this.#heartbeat();
    const stopListening = listenForWork(this.#options.hub.client, {
      onTask: () => this.#claimSoon.ring(),
      onNews: () => this.#running.size > 0 && this.#beatSoon.ring(),
      onState: (awake) => {
        this.#awake = awake;
        // Nothing that was announced before is announced again.
        if (!awake) return;
        this.#claimSoon.ring();
        if (this.#running.size > 0) this.#beatSoon.ring();
      },
    });
    const beating = this.#keepBeating();
    try {
      await this.#claimForEver();
    } finally {
      this.#stopping = true;
      await Promise.all([...this.#running.values()].map((run) => run.done));
      this.#beatSoon.ring();
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
      this.#claimSoon.ring();
      const count = this.#running.size;
      if (count) {
        this.#options.log(`Stopping: ${count} running task(s) have ${grace / 1000} s to end`);
      }
    }
    // What waits for a person waits as well without a process.
    for (const run of this.#running.values()) if (run.waiting) run.stop("parked");
    const timer = setTimeout(() => this.#stopAll("shutdown"), grace);
    Deno.unrefTimer(timer);
  }

  /** Does not wait for a hub that does not answer; the next start gives back what is left. */
  abandon(): void {
    for (const run of this.#running.values()) {
      run.stop("shutdown");
      run.abandon();
    }
  }

  async #claimForEver(): Promise<void> {
    const { hub, slots } = this.#options;
    let empty = 0;
    let trouble = 0;
    while (!this.#stopping) {
      // Other hubs do not wait for the slot that a claim holds while this one cannot be reached.
      const isReached = trouble === 0 || await this.#heartbeat();
      const most = isReached ? slots.hold(this) : 0;
      if (most > 0) {
        try {
          const tasks = await hub.claim(most);
          trouble = 0;
          for (const task of tasks) this.#start(task);
          empty = tasks.length ? 0 : empty + 1;
          if (empty < 2) continue;
        } catch (error) {
          this.#survive(error, "claim");
          trouble++;
        } finally {
          slots.release(most);
        }
      } else {
        empty = 0;
        if (!isReached) trouble++;
      }
      if (await this.#claimSoon.wait(this.#pause(trouble, empty))) empty = 0;
    }
  }

  /**
   * How long to wait before asking again. A task whose transaction began before the hub knew that
   * this device is idle, and ended after it had asked twice, is announced to nobody: so the first
   * waits are short.
   */
  #pause(trouble: number, empty: number): number {
    const base = trouble
      ? Math.min(1_000 * 2 ** trouble, 60_000)
      : this.#awake
      ? FIRST_WAITS[empty - 2] ?? POLL_LISTENING
      : POLL_ALONE;
    return base * (0.5 + Math.random());
  }

  busy(): number {
    return [...this.#running.values()].filter(({ waiting }) => !waiting).length;
  }

  ring(): void {
    this.#claimSoon.ring();
  }

  /** Others have their turn before this hub has another one. */
  #slotFreed(): void {
    this.#options.slots.changed();
    this.#claimSoon.ring();
  }

  #start(task: ClaimedTask): void {
    const { offer, log, config, hub, runs, rests, environment } = this.#options;
    const lasts = Date.parse(task.lease_expires_at) - Date.parse(task.started_at);
    if (lasts > 0) this.#leaseLasts = lasts;
    if (this.#running.size === 0) this.#leaseFrom = performance.now();
    const found = task.kind === "publish" ? null : offer.find(task.model);
    if (found === undefined) {
      // Withdrawn a moment ago: the hub has not heard of it yet.
      hub.release(task).catch((error) => this.#survive(error, "release"));
      return;
    }
    log(`${task.short_id} claimed for ${task.model} in "${task.project ?? ""}"`);
    // Claimed again after a lease that ran out unnoticed.
    this.#running.get(task.id)?.stop("lost");
    const run = new TaskRun(task, found, {
      config,
      hub,
      runs,
      rests,
      environment,
      log,
      onWaiting: () => this.#slotFreed(),
      withdraw: (model, why) => this.#withdraw(model, why),
    });
    this.#running.set(task.id, run);
    run.done.then(() => {
      if (this.#running.get(task.id) === run) this.#running.delete(task.id);
      this.#slotFreed();
    });
  }

  /** Before the failure is reported, so that the task goes to another device. */
  async #withdraw(model: string, why: string): Promise<void> {
    this.#options.log(`${model} is not offered any more: ${why}`);
    this.#options.offer.withdraw(model);
    await this.#heartbeat();
  }

  async #keepBeating(): Promise<void> {
    while (!(this.#stopping && this.#running.size === 0)) {
      const woken = await this.#beatSoon.wait(Math.min(BEAT_BUSY, this.#leaseLasts / 4));
      const quiet = performance.now() - this.#lastBeat < BEAT_IDLE;
      if (woken || this.#running.size > 0 || !quiet) await this.#heartbeat();
    }
  }

  /** Whether it was heard. */
  async #heartbeat(): Promise<boolean> {
    const { hub, offer, config, log } = this.#options;
    const from = this.#lastBeat = performance.now();
    try {
      const models = await offer.news();
      const heard = await hub.heartbeat([...this.#running.keys()], models);
      if (models) {
        const offered = models.map(({ model, version }) => `${model} ${version ?? ""}`.trim());
        log(`"${config.device}" offers ${offered.join(", ") || "nothing"} to ${config.url}`);
        offer.told();
      }
      this.#leaseFrom = from;
      this.#obey(heard);
      return true;
    } catch (error) {
      this.#survive(error, "heartbeat");
      // Somebody else may run them by now.
      if (performance.now() - this.#leaseFrom >= this.#leaseLasts) this.#stopAll("lost");
      return false;
    }
  }

  #obey({ cancel, lost, answered = [], inputs = [], version }: Heartbeat): void {
    if (version !== this.#hubVersion) {
      this.#hubVersion = version;
      const problem = versionProblem(version, "aura-executor");
      if (problem) this.#options.log(problem);
    }
    for (const id of cancel) this.#running.get(id)?.stop("cancelled");
    for (const id of lost) this.#running.get(id)?.stop("lost");
    if (answered.length) { for (const run of this.#running.values()) run.answered(answered); }
    for (const input of inputs) this.#running.get(input.task_id)?.input(input);
  }

  #stopAll(reason: "lost" | "shutdown"): void {
    for (const run of this.#running.values()) run.stop(reason);
  }

  /** Lets a passing trouble pass; anything else ends the executor. */
  #survive(error: unknown, what: string): void {
    const { log } = this.#options;
    if (!(error instanceof ApiError)) throw error;
    log(`The ${what} failed: ${error.message}`);
    if (error.passing) return;
    if (error.code === "bad_device_token") {
      this.#broken = new SetupError(
        `The hub does not accept this device's token any more; another enrolment with the same ` +
          `name replaces it. Run "npm run executor -- enroll" again.`,
      );
      this.#stopping = true;
      this.#stopAll("lost");
      this.#claimSoon.ring();
    }
  }
}

const BEAT_IDLE = 20_000;
/** How soon a cancelled task is noticed, when the agent shows no progress. */
const BEAT_BUSY = 5_000;
const FIRST_WAITS = [500, 2_000, 8_000];
const POLL_LISTENING = 30_000;
const POLL_ALONE = 3_000;
