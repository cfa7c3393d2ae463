// One socket's membership of one topic.
import { z } from "zod";
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

const Change = z.looseObject({
  event: z.string().optional(),
  schema: z.string().optional(),
  table: z.string().optional(),
  filter: z.string().optional(),
});

const Join = z.object({
  config: z.object({
    private: z.boolean().nullish(),
    broadcast: z.object({ ack: z.boolean().nullish(), self: z.boolean().nullish() }).nullish(),
    postgres_changes: z.array(Change).max(100).nullish(),
  }).nullish(),
  access_token: z.string().nullish(),
});

export type Join = z.infer<typeof Join>;

/** The payload of a join. Throws a sentence when it is not one. */
export function readJoin(payload: unknown): Join {
  const { data, error } = Join.safeParse(payload);
  if (data) return data;
  const [{ path, message }] = error.issues as [z.core.$ZodIssue];
  throw new Error(`The join is not valid: ${path.join(".")}: ${message}.`);
}

let lastId = 0;

/** The subscriptions of a join. Throws a sentence when a filter is not valid. */
export function readSubscriptions(changes: z.infer<typeof Change>[]): Subscription[] {
  return changes.map(({ event, schema, table, filter }) => ({
    id: ++lastId,
    event: (event ?? "*").toUpperCase(),
    schema: schema ?? "public",
    table: table === "*" ? undefined : table,
    filter: parseFilter(filter),
  }));
}
