// A mesh as a queueing model. Requests arrive at random (Poisson) in channels; a request waits until an
// executor has claimed it; the agent works on it for an exponentially distributed time and reports
// progress; the result is delivered. Each of these steps is a call that takes a core of the database,
// and where it posts, then the row of its channel, which counts the messages of one transaction after
// the other.
//
// Simplifications: a call's time is fixed; the core and the channel's row are held one after the other,
// not together; executors and channels are split evenly over databases.
import { Random } from "../../tests/random.ts";
import { percentile } from "../measure.ts";
import { Events } from "./events.ts";
import { Station } from "./station.ts";

/** Milliseconds. */
export interface Costs {
  /** Of a core: message, task and the announcement of a request. */
  dispatch: number;
  /** Of a core: claiming one task. */
  claim: number;
  /** Of a core: one report of progress with its message. */
  progress: number;
  /** Of a core: the result with its message. */
  complete: number;
  /** For which a message holds its channel's row, until its transaction is on disk. */
  post: number;
}

export interface Mesh {
  executors: number;
  channels: number;
  databases: number;
  /** Of each database. */
  cores: number;
  /** Requests a second. */
  arrivals: number;
  /** How long an agent works on a request, in seconds, on average. */
  workSeconds: number;
  /** Reports of progress of a request. */
  reports: number;
  /** The share of all requests that goes to one single channel. */
  hottest?: number;
}

export interface Outcome {
  /** Requests completed a second, while requests arrived. */
  throughput: number;
  /** From the request's being queued to its being claimed, in seconds. */
  wait: { mean: number; p50: number; p99: number };
  /** The share of all databases' core time that was used. */
  utilisation: number;
  /** How long a call of the database took, in milliseconds. */
  call: { p50: number; p99: number };
}

/**
 * Begins with as many requests under way as there are on average, and runs until so many more have
 * arrived. The first tenth of these is not counted: the lines are still growing.
 */
export function simulate(mesh: Mesh, costs: Costs, requests: number, seed = 1): Outcome {
  const random = new Random(seed);
  const events = new Events();
  const databases = Array.from(
    { length: mesh.databases },
    (_, index) =>
      new Database(events, mesh, costs, random, share(mesh.executors, mesh.databases, index)),
  );
  let arrived = 0;
  let counting = { since: 0, busy: 0, completed: 0 };
  for (const [index, database] of databases.entries()) {
    const underWay = Math.round(mesh.arrivals * mesh.workSeconds);
    database.begin(share(underWay, mesh.databases, index));
  }
  const busy = () => sum(databases.map(({ cores }) => cores.busySeconds));
  const completed = () => sum(databases.map((database) => database.completed));
  let throughput = 0;
  let utilisation = 0;

  const arrive = () => {
    const channel = pickChannel(mesh, random);
    databases[channel % mesh.databases]!.request(channel, arrived >= requests / 10);
    arrived++;
    if (arrived === Math.ceil(requests / 10)) {
      counting = { since: events.now, busy: busy(), completed: completed() };
    }
    if (arrived < requests) return events.after(exponential(random, 1 / mesh.arrivals), arrive);
    const seconds = events.now - counting.since;
    throughput = (completed() - counting.completed) / seconds;
    utilisation = (busy() - counting.busy) / seconds / mesh.cores / mesh.databases;
  };
  arrive();
  events.run();

  const waits = databases.flatMap((database) => database.waits);
  const calls = databases.flatMap((database) => database.calls);
  return {
    throughput,
    wait: {
      mean: sum(waits) / waits.length,
      p50: percentile(waits, 0.5),
      p99: percentile(waits, 0.99),
    },
    utilisation: Math.min(utilisation, 1),
    call: { p50: percentile(calls, 0.5) * 1000, p99: percentile(calls, 0.99) * 1000 },
  };
}

interface Request {
  channel: number;
  counts: boolean;
  queuedAt: number;
}

class Database {
  readonly cores: Station;
  readonly waits: number[] = [];
  readonly calls: number[] = [];
  completed = 0;
  #rows = new Map<number, Station>();
  #queue: Request[] = [];
  #next = 0;

  constructor(
    private readonly events: Events,
    private readonly mesh: Mesh,
    private readonly costs: Costs,
    private readonly random: Random,
    private idle: number,
  ) {
    this.cores = new Station(events, mesh.cores);
  }

  /** Requests under way: of an exponential time, what is over and what is left are each like the whole. */
  begin(requests: number): void {
    for (let n = 0; n < requests && this.idle > 0; n++) {
      this.idle--;
      const channel = pickChannel(this.mesh, this.random);
      const elapsed = exponential(this.random, this.mesh.workSeconds);
      this.#work({ channel, counts: false, queuedAt: 0 }, elapsed);
    }
  }

  request(channel: number, counts: boolean): void {
    this.#call(this.costs.dispatch, channel, counts, () => {
      this.#queue.push({ channel, counts, queuedAt: this.events.now });
      this.#claimNext();
    });
  }

  /** An idle executor is woken at once. */
  #claimNext(): void {
    const request = this.#queue[this.#next];
    if (!request || this.idle === 0) return;
    this.#next++;
    this.idle--;
    this.#call(this.costs.claim, undefined, request.counts, () => {
      if (request.counts) this.waits.push(this.events.now - request.queuedAt);
      this.#work(request);
    });
  }

  #work({ channel, counts }: Request, elapsed = 0): void {
    const { reports, workSeconds } = this.mesh;
    const seconds = exponential(this.random, workSeconds);
    for (let report = 1; report <= reports; report++) {
      const delay = (elapsed + seconds) * report / (reports + 1) - elapsed;
      if (delay < 0) continue;
      this.events.after(delay, () => this.#call(this.costs.progress, channel, counts, () => {}));
    }
    this.events.after(seconds, () => {
      this.#call(this.costs.complete, channel, counts, () => {
        this.completed++;
        this.idle++;
        this.#claimNext();
      });
    });
  }

  #call(cost: number, channel: number | undefined, counts: boolean, done: () => void): void {
    const begun = this.events.now;
    const end = () => {
      if (counts) this.calls.push(this.events.now - begun);
      done();
    };
    this.cores.serve(cost / 1000, () => {
      if (channel === undefined) return end();
      this.#row(channel).serve(this.costs.post / 1000, end);
    });
  }

  #row(channel: number): Station {
    let row = this.#rows.get(channel);
    if (!row) this.#rows.set(channel, row = new Station(this.events, 1));
    return row;
  }
}

function pickChannel({ channels, hottest }: Mesh, random: Random): number {
  return hottest !== undefined && random.next() < hottest ? 0 : random.below(channels);
}

function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random.next()) * mean;
}

/** How many of `total` the part with this index gets. */
function share(total: number, parts: number, index: number): number {
  return Math.floor(total / parts) + (index < total % parts ? 1 : 0);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
