// A day of a team, made short: people give work, answer, tell and read while devices work, vanish and come
// back, and parts of the stack are killed. What is used is measured all the while.
import { join } from "node:path";
import { AuraClient } from "../../client/index.ts";
import { createClient } from "@supabase/supabase-js";
import { end, killDatabase, restart } from "../chaos/kill.ts";
import { answerAll, comeToRest, problemsAtRest } from "../chaos/rest.ts";
import { call, type Rpc, unless } from "../chaos/rpc.ts";
import { Random } from "../random.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { connect } from "../stack.ts";
import { type Sample, sample } from "./meter.ts";

export interface Size {
  minutes: number;
  devices: number;
  people: number;
}

export interface SoakReport {
  samples: Sample[];
  /** How often what was killed. */
  kills: Record<string, number>;
  tasks: number;
  questions: number;
  files: number;
  /** Messages that reached those who follow a channel. */
  seen: number;
  /** What is wrong once everything has come to rest; empty when nothing is. */
  problems: string[];
}

const FLEETS = 4;
/** What starts afresh comes early: what is measured later has been running for long. */
const VICTIMS = ["stack", "backend", "postgres", "fleet", "fleet", "fleet"] as const;
/** So many tasks wait at most before people pause. */
const BACKLOG = 50;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Soak {
  readonly #samples: Sample[] = [];
  readonly #kills: Record<string, number> = {};
  /** Nothing new is begun. */
  readonly #evening = new AbortController();
  /** Everything has come to rest. */
  readonly #night = new AbortController();
  readonly #fleets: { tokens: string[]; process: Deno.ChildProcess }[] = [];
  readonly #people: Rpc[] = [];
  #channels: { id: string }[] = [];
  #ready = 0;
  #seen = 0;

  private constructor(
    private stack: OwnStack,
    private readonly size: Size,
    private readonly random: Random,
  ) {}

  static async run(size: Size, random: Random): Promise<SoakReport> {
    const soak = new Soak(await OwnStack.start(), size, random);
    try {
      return await soak.#day();
    } finally {
      for (const { process } of soak.#fleets) end(process);
      await Promise.all(soak.#fleets.map(({ process }) => process.status));
      await soak.stack[Symbol.asyncDispose]();
    }
  }

  async #day(): Promise<SoakReport> {
    await this.#open();
    const start = Date.now();
    const lasts = this.size.minutes * 60_000;
    const busy = this.#people.map((person, at) => this.#work(person, at));
    const reading = this.#people.map((person) => this.#read(person));
    const answering = answerAll(this.#people[0]!, this.random, this.#night.signal, 1_000);
    const measuring = this.#measure(start, Math.max(1_000, lasts / 200));
    const round = lasts / (VICTIMS.length + 1);
    for (const [at, victim] of VICTIMS.entries()) {
      await pause(start + (at + 1) * round - Date.now());
      await this.#kill(victim);
    }
    await pause(start + lasts - Date.now());
    this.#evening.abort();
    await Promise.all(busy);
    await measuring;
    await comeToRest(this.stack, 300_000);
    this.#night.abort();
    await answering;
    await Promise.all(reading);
    return await this.#report();
  }

  async #open(): Promise<void> {
    await using sql = connect({ max: 1 }, this.stack.env);
    // A day in minutes: what takes a minute and more takes seconds.
    await sql`
      update hub.settings
      set task_lease = '20 seconds', device_offline_after = '15 seconds', max_attempts = 50, max_losses = 1000,
        max_releases = 1000, retry_backoff = '1 second', max_open_tasks_per_user = 100000, idle_after = '20 seconds',
        archive_after = '20 seconds'
      where id`;
    this.#channels = await sql`
      select c.id from hub_channels as c join hub_servers as s on s.id = c.server_id
      where s.architecture_type <> 'command_dispatch' and not c.is_read_only`;
    for (let n = 0; n < this.size.people; n++) this.#people.push(await this.#join(n));
    const tokens: string[] = [];
    for (let n = 0; n < this.size.devices; n++) {
      const [row] = await sql`
        select register_device(${`soak-${n}`}, 'linux', '["claude", "codex", "gemini"]', 1) ->> 'token' as token`;
      tokens.push(row!.token);
    }
    for (let n = 0; n < FLEETS; n++) {
      const own = tokens.filter((_, at) => at % FLEETS === n);
      this.#fleets.push({ tokens: own, process: this.#launch(own) });
    }
  }

  async #join(n: number): Promise<Rpc> {
    const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: key } = this.stack.env;
    const answer = await fetch(`${url}/auth/v1/signup`, {
      method: "POST",
      headers: { apikey: key!, "content-type": "application/json" },
      body: JSON.stringify({ email: `soak-${n}@example.com`, password: crypto.randomUUID() }),
    });
    const { access_token, user } = await answer.json();
    await using sql = connect({ max: 1 }, this.stack.env);
    await sql`select set_member_role(${user.id}, 'operator')`;
    return { url: url!, key: key!, accessToken: access_token };
  }

  #launch(tokens: string[]): Deno.ChildProcess {
    const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: publishableKey } = this.stack.env;
    // Each device is busy for some seconds with a task, so that there is work for all of them.
    const step = Math.min(15_000, this.size.minutes * 60_000 / 15);
    const orders = { url, publishableKey, tokens, seed: this.random.below(2 ** 32), step };
    return new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        join(import.meta.dirname!, "fleet.ts"),
        JSON.stringify(orders),
      ],
      stdin: "null",
    }).spawn();
  }

  /** Gives work, with a file now and then, says something to it, and cancels some. */
  async #work(person: Rpc, at: number): Promise<void> {
    const random = new Random(this.random.seed + at);
    for (let n = 0; !this.#evening.signal.aborted; n++) {
      await pause(random.below(this.size.people * 600));
      if (this.#ready > BACKLOG) continue;
      const channel_id = random.pick(this.#channels).id;
      const key = { idempotency_key: `${this.random.seed}-${at}-${n}` };
      const file_ids = random.below(12) === 0 ? [await this.#sendFile(person, channel_id)] : [];
      const { task } = await call(person, "dispatch_task", {
        channel_id,
        content: `Look into matter ${n}, please.`,
        ...file_ids.length > 0 && { file_ids },
        ...key,
      });
      if (random.below(15) === 0) {
        const said = { task_id: task.id, content: "And the other one.", ...key };
        await unless("task_finished", call(person, "send_input", said));
      }
      if (random.below(25) === 0) {
        await unless("task_finished", call(person, "cancel_task", { task_id: task.id }));
      }
    }
  }

  async #sendFile({ url, key, accessToken }: Rpc, channelId: string): Promise<string> {
    const global = { headers: { Authorization: `Bearer ${accessToken}` } };
    const aura = new AuraClient(
      createClient(url, key, { global, auth: { persistSession: false } }),
    );
    for (;;) {
      try {
        return (await aura.sendFile(channelId, "list.txt", new Blob(["one, two, three"]))).id;
      } catch {
        // Whatever is killed meanwhile.
        await pause(200);
      }
    }
  }

  /** Follows a channel for all of the day, through whatever happens to the socket. */
  async #read({ url, key, accessToken }: Rpc): Promise<void> {
    const supabase = createClient(url, key, {
      accessToken: () => Promise.resolve(accessToken!),
    });
    const { signal } = this.#night;
    const feed = new AuraClient(supabase)
      .subscribeToChannelMessages(this.random.pick(this.#channels).id, { signal });
    for await (const { kind } of feed) if (kind === "new") this.#seen++;
    await supabase.realtime.disconnect();
  }

  async #measure(start: number, every: number): Promise<void> {
    while (!this.#evening.signal.aborted) {
      const now = await sample(this.stack, (Date.now() - start) / 1000);
      if (now) this.#samples.push(now);
      this.#ready = now?.ready ?? this.#ready;
      await pause(every);
    }
  }

  async #kill(victim: typeof VICTIMS[number]): Promise<void> {
    this.#kills[victim] = (this.#kills[victim] ?? 0) + 1;
    console.log(`${new Date().toISOString().slice(11, 19)} kill ${victim}`);
    if (victim === "fleet") {
      const fleet = this.random.pick(this.#fleets);
      end(fleet.process);
      await fleet.process.status;
      fleet.process = this.#launch(fleet.tokens);
    } else if (victim === "stack") {
      this.stack = await restart(this.stack);
    } else {
      await killDatabase(this.stack, victim);
      await this.stack.ready();
    }
  }

  async #report(): Promise<SoakReport> {
    await using sql = connect({ max: 1 }, this.stack.env);
    const [counts] = await sql<{ tasks: number; questions: number; files: number }[]>`
      select
        (select count(*)::integer from mac_tasks) as tasks,
        (select count(*)::integer from hub_questions) as questions,
        (select count(*)::integer from hub_files where state = 'stored') as files`;
    const problems = await problemsAtRest(this.stack);
    return { samples: this.#samples, kills: this.#kills, seen: this.#seen, ...counts!, problems };
  }
}
