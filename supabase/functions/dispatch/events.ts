// A task's life as server-sent events: `queued` with what dispatch answers, `progress` with the
// output so far, `file` with each file that an agent left, once it is there or has failed, and at the end `complete` or `failed` with the task.
//
// It looks at the task's row again and again rather than listen to Realtime: the row says
// everything, also after a lost connection, and a function lives too short to keep a socket for it.
import { setTimeout } from "node:timers/promises";
import type { SupabaseClient } from "@supabase/supabase-js";
import { Problem, problemOf } from "../_shared/aura/problem.ts";

export interface Dispatched {
  message: unknown;
  task: { id: string };
  thread: unknown;
}

type Send = (event: string, data: unknown) => void;

/** The wait between two looks, in ms: it doubles while nothing changes. */
const SHORTEST_WAIT = 200;
const LONGEST_WAIT = 1_600;
/** Silence, in ms, after which a comment keeps the connection open. */
const KEEP_ALIVE = 15_000;
/** Looks that may fail in a row, so that a restart of the database is survived. */
const MAX_FAILURES = 10;

/** Ends with the task, or when the client has gone. */
export function taskEvents(client: SupabaseClient, dispatched: Dispatched): ReadableStream {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async start(controller) {
      const write = (text: string) => controller.enqueue(encoder.encode(text));
      const send: Send = (event, data) =>
        write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      const alive = setInterval(() => write(": still here\n\n"), KEEP_ALIVE);
      send("queued", dispatched);
      try {
        await follow(client, dispatched.task.id, send, gone.signal);
      } catch (error) {
        if (gone.signal.aborted) return;
        const { code, message, hint } = error as Problem;
        send("error", { error: { code: code ?? "internal", message, hint: hint ?? null } });
      } finally {
        clearInterval(alive);
      }
      controller.close();
    },
    cancel: () => gone.abort(),
  });
}

async function follow(client: SupabaseClient, id: string, send: Send, gone: AbortSignal) {
  const look = (columns: string) =>
    client.from("mac_tasks").select(columns).eq("id", id).abortSignal(gone).single<Task>();
  let output: string | null = null;
  const told = new Map<string, string>();
  let wait = SHORTEST_WAIT;
  for (let failures = 0;;) {
    await setTimeout(wait, undefined, { signal: gone });
    wait = Math.min(wait * 2, LONGEST_WAIT);
    const { error, data: task, status } = await look(
      `status, partial_output, progress_count, ${FILES}`,
    );
    gone.throwIfAborted();
    if (error) {
      if (error.code === "PGRST116") {
        throw new Problem(404, "task_not_found", `Task ${id} was deleted.`);
      } else if (status === 401) {
        throw new Problem(
          401,
          "not_signed_in",
          "The access token has run out; the task goes on.",
          "Sign in again and dispatch with the same idempotency_key to follow it, or read mac_tasks.",
        );
      } else if (status < 500 || ++failures > MAX_FAILURES) throw problemOf({ error, status });
      continue;
    }
    failures = 0;
    for (const file of task.hub_files) {
      if (file.direction === "in" || file.state === "pending" || told.get(file.id) === file.state) {
        continue;
      }
      told.set(file.id, file.state);
      wait = SHORTEST_WAIT;
      send("file", { task_id: id, file });
    }
    if (task.status === "complete" || task.status === "failed") {
      const last = await look("*");
      if (last.error) throw problemOf(last);
      return send(task.status, { task: last.data });
    }
    if (task.partial_output && task.partial_output !== output) {
      output = task.partial_output;
      wait = SHORTEST_WAIT;
      const { status, partial_output, progress_count } = task;
      send("progress", { task_id: id, status, partial_output, progress_count });
    }
  }
}

const FILES =
  "hub_files(id, name, media_type, size, sha256, direction, state, error, message_id, created_at)";

interface Task {
  status: "pending" | "running" | "complete" | "failed";
  partial_output: string | null;
  progress_count: number;
  hub_files: { id: string; direction: "in" | "out"; state: "pending" | "stored" | "failed" }[];
}
