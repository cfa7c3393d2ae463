// What all calls have: the client that they go through, and how its answers are read.
import type { PostgrestError, SupabaseClient } from "@supabase/supabase-js";
import type { Database } from "../database.types.ts";
import { AuraError, toAuraError } from "../errors.ts";
import type { Cursor } from "../paging.ts";

type Functions = Database["public"]["Functions"];

/** Which rows of a list that is read from its newest row on. */
export interface Page {
  /** The most rows to return; 50 unless told. */
  limit?: number;
  /** Only rows older than this one: the oldest row of the page before. */
  before?: Cursor;
}

/** The messages a view shows: a channel's own (those of no thread), or a thread's. */
export type MessageView = { channelId: string } | { threadId: string };

/** How many ids fit one address comfortably. */
const IDS_PER_REQUEST = 100;

export class BaseCalls {
  protected readonly db: SupabaseClient<Database>;

  constructor(db: SupabaseClient<Database>) {
    this.db = db;
  }

  /** The generated types know an RPC's jsonb only as Json: the contract says what it holds. */
  protected async rpc<Result>(name: keyof Functions & string, args: Record<string, unknown>) {
    // deno-lint-ignore no-explicit-any -- one function for calls whose arguments differ
    return row<Result>(await this.db.rpc(name as any, args as any));
  }

  /** An empty page of something that is not there is an error, not an empty page. */
  protected async mustExist(view: MessageView) {
    const [table, noun, id] = "threadId" in view
      ? ["hub_task_threads", "thread", view.threadId] as const
      : ["hub_channels", "channel", view.channelId] as const;
    const found = rows<{ id: string }>(await this.db.from(table).select("id").eq("id", id));
    if (found.length === 0) missing(noun, id);
  }
}

interface Reply {
  data: unknown;
  error: PostgrestError | null;
  status: number;
}

export function row<Row>({ data, error, status }: Reply): Row {
  if (error) throw toAuraError(error, status);
  return data as Row;
}

export function rows<Row>(reply: Reply): Row[] {
  return row<Row[]>(reply);
}

export async function inBatches<Row>(ids: string[], fetch: (some: string[]) => PromiseLike<Row[]>) {
  const found: Row[] = [];
  for (let start = 0; start < ids.length; start += IDS_PER_REQUEST) {
    found.push(...await fetch(ids.slice(start, start + IDS_PER_REQUEST)));
  }
  return found;
}

export function missing(noun: string, id: string): never {
  throw new AuraError(`${noun}_not_found`, 404, `There is no ${noun} ${id}.`);
}

/** The first and the last id that start so. */
export function idsFrom(prefix: string, noun: string): [string, string] {
  const hex = prefix.replaceAll("-", "").toLowerCase();
  if (!/^[0-9a-f]{4,32}$/.test(hex)) {
    const sentence = `"${prefix}" is not a ${noun} id.`;
    throw new AuraError("bad_argument", 400, sentence, "Give its first eight hex digits.");
  }
  return [uuid(hex.padEnd(32, "0")), uuid(hex.padEnd(32, "f"))];
}

function uuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
