// Runs the jobs of the pg_cron stand-in when they are due, each as the role that scheduled it.
import { Cron } from "croner";
import postgres, { type Sql } from "postgres";

interface Job {
  jobid: string;
  schedule: string;
  command: string;
  username: string;
  database: string;
}

/** How long records of runs are kept. */
const KEPT = "3 days";

export class Clock {
  #timers: { stop: () => void }[] = [];
  #running = new Map<string, Promise<void>>();
  #loading: Promise<void> = Promise.resolve();

  /** `url` connects a superuser, since a job runs as its own role. */
  constructor(private readonly admin: Sql, private readonly url: string) {}

  /** Reads the jobs again; to be called when they have changed. */
  reload(): void {
    this.#loading = this.#loading.then(() => this.#load()).catch((error) => {
      console.error(`The clock could not read cron.job: ${error.message}`);
    });
  }

  /** Starts nothing more, and resolves when what runs has ended. */
  async stop(): Promise<void> {
    await this.#loading;
    this.#clear();
    await Promise.all(this.#running.values());
  }

  async #load(): Promise<void> {
    const jobs = await this.admin<Job[]>`
      select jobid::text, schedule, command, username, database from cron.job where active`;
    this.#clear();
    this.#timers = jobs.map((job) => this.#schedule(job)).filter((timer) => timer !== undefined);
  }

  #clear(): void {
    for (const timer of this.#timers.splice(0)) timer.stop();
  }

  #schedule(job: Job): { stop: () => void } | undefined {
    const run = () => this.#start(job);
    const seconds = /^\s*(\d+)\s+seconds?\s*$/i.exec(job.schedule)?.[1];
    if (seconds) {
      const interval = setInterval(run, Number(seconds) * 1000);
      return { stop: () => clearInterval(interval) };
    }
    try {
      return new Cron(job.schedule.trim(), { timezone: "UTC" }, run);
    } catch (error) {
      console.error(`The clock cannot read the schedule of job ${job.jobid}: ${error}`);
    }
  }

  /** A job that still runs is not started once more, as with pg_cron. */
  #start(job: Job): void {
    if (this.#running.has(job.jobid)) return;
    const run = this.#run(job).catch((error) => {
      console.error(`The clock could not run job ${job.jobid}: ${error.message}`);
    }).finally(() => this.#running.delete(job.jobid));
    this.#running.set(job.jobid, run);
  }

  async #run({ jobid, command, username, database }: Job): Promise<void> {
    // A connection of its own, as pg_cron's, so that no setting of one job outlives it.
    const sql = postgres(this.url, { max: 1, fetch_types: false, onnotice: () => {} });
    try {
      const [run] = await sql`
        insert into cron.job_run_details
          (jobid, job_pid, database, username, command, status, start_time)
        values (${jobid}, pg_backend_pid(), ${database}, ${username}, ${command}, 'running',
          clock_timestamp())
        returning runid`;
      await sql`select set_config('session_authorization', ${username}, false)`;
      let [status, message] = ["succeeded", ""];
      try {
        const result = await sql.unsafe(command);
        message = `${result.command ?? ""} ${result.count ?? ""}`.trim();
      } catch (error) {
        [status, message] = ["failed", (error as Error).message];
      }
      await sql.unsafe("reset session authorization");
      await sql`
        update cron.job_run_details
        set status = ${status!}, return_message = ${message!}, end_time = clock_timestamp()
        where runid = ${run!.runid}`;
      await sql`
        delete from cron.job_run_details
        where jobid = ${jobid} and start_time < now() - ${KEPT}::text::interval`;
    } finally {
      await sql.end({ timeout: 5 });
    }
  }
}
