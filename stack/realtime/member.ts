// One socket's membership of one topic.
import type { Claims } from "../api/tokens.ts";
import type { Permissions } from "./access.ts";
import { type Filter, parseFilter } from "./filter.ts";

export interface Subscription {
  id: number;
  event: string;
  schema: string;
  table: string | undefined;
  filter: Filter;
}

export interface Member {
  /** As the client writes it: `realtime:<name>`. */
  topic: string;
  joinRef: string | null;
  private: boolean;
  ack: boolean;
  self: boolean;
  claims: Claims;
  permissions: Permissions;
  subscriptions: Subscription[];
  /** Sends a frame to this member. `payload` is JSON text. */
  send: (event: string, payload: string, ref?: string | null) => void;
  /** Sends a binary frame, which only sockets of version 2.0.0 understand. */
  sendBinary: (frame: Uint8Array<ArrayBuffer>) => void;
  /** Says why, and ends the membership. */
  dismiss: (reason: string) => void;
  expiry?: ReturnType<typeof setTimeout>;
}

interface ChangeConfig {
  event?: unknown;
  schema?: unknown;
  table?: unknown;
  filter?: unknown;
}

let lastId = 0;

/** Reads the subscriptions of a join. Throws a sentence when one is not valid. */
export function readSubscriptions(configs: unknown): Subscription[] {
  if (configs === undefined || configs === null) return [];
  if (!Array.isArray(configs)) throw new Error("postgres_changes is not an array.");
  return configs.map(({ event, schema, table, filter }: ChangeConfig) => ({
    id: ++lastId,
    event: String(event ?? "*").toUpperCase(),
    schema: String(schema ?? "public"),
    table: table === undefined || table === "*" ? undefined : String(table),
    filter: parseFilter(filter === undefined ? undefined : String(filter)),
  }));
}
