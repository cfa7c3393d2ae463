// Who has joined what, and passing on what they have joined for.
import type { Sql } from "postgres";
import { untilVisible, visibleColumns } from "./access.ts";
import { encodeBinaryBroadcast } from "./frames.ts";
import type { Member, Subscription } from "./member.ts";
import type { Change } from "./pgoutput.ts";
import { changeData } from "./values.ts";

/** What every topic's name begins with on the socket. */
export const PREFIX = "realtime:";

interface Sent {
  topic: string;
  private: boolean;
  event: string;
}

export class Topics {
  #members = new Set<Member>();
  #typeNames = new Map<number, string>();
  /** Up to which transaction of the log others see what it has changed. */
  #visible = { transaction: 0, reached: Promise.resolve() };
  /** Changes are told in their order, each after its policies have been asked. */
  #telling: Promise<void> = Promise.resolve();

  constructor(private readonly admin: Sql) {}

  add(member: Member): void {
    this.#members.add(member);
  }

  remove(member: Member): void {
    this.#members.delete(member);
  }

  /** Passes a change on: a row of realtime.messages is a broadcast, any other a change of its table. */
  tell(change: Change): void {
    const { schema, table } = change.relation;
    const failed = (error: Error) =>
      console.error(`Realtime could not tell a change of ${schema}.${table}: ${error.message}`);
    if (schema === "realtime" && table === "messages") {
      this.#whenVisible(change).then(() => this.#tellMessage(change)).catch(failed);
      return;
    }
    const concerned = this.#subscribed(change);
    if (concerned.length === 0) return;
    const visible = this.#whenVisible(change);
    this.#telling = this.#telling.then(() => visible)
      .then(() => this.#tellChange(change, concerned)).catch(failed);
  }

  /** Asked once for each transaction; of several, resolves in their order. */
  #whenVisible({ transaction }: Change): Promise<void> {
    if (transaction !== this.#visible.transaction) {
      const before = this.#visible.reached;
      const reached = before.catch(() => {}).then(() => untilVisible(this.admin, transaction));
      reached.catch(() => {});
      this.#visible = { transaction, reached };
    }
    return this.#visible.reached;
  }

  /** `payload` is JSON text. `sender` gets it too if it has joined with `self`. */
  broadcast(
    message: Sent & { payload: string; meta?: string },
    sender?: Member,
  ): void {
    const { event, payload, meta } = message;
    const text = `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${payload}` +
      (meta ? `,"meta":${meta}}` : "}");
    for (const member of this.#audience(message, sender)) member.send("broadcast", text);
  }

  /** Passes on what a client sends: bytes as they are, anything else as JSON. */
  send(message: Sent & { payload: unknown }, sender?: Member): void {
    const { payload } = message;
    if (payload instanceof Uint8Array) {
      this.#broadcastBinary({ ...message, payload: payload as Uint8Array<ArrayBuffer> }, sender);
    } else {
      this.broadcast({ ...message, payload: JSON.stringify(payload ?? {}) }, sender);
    }
  }

  #broadcastBinary(
    message: Sent & { payload: Uint8Array<ArrayBuffer> },
    sender?: Member,
  ): void {
    const frame = encodeBinaryBroadcast(PREFIX + message.topic, message.event, message.payload);
    for (const member of this.#audience(message, sender)) member.sendBinary(frame);
  }

  #audience(message: { topic: string; private: boolean }, sender?: Member): Member[] {
    const topic = PREFIX + message.topic;
    return [...this.#members].filter((member) =>
      member.topic === topic && member.private === message.private &&
      member.permissions.read && (member !== sender || member.self)
    );
  }

  #tellMessage({ type, record }: Change): void {
    if (type !== "INSERT" || !record || record.extension !== "broadcast") return;
    this.broadcast({
      topic: record.topic!,
      private: record.private === "t",
      event: record.event ?? "",
      payload: record.payload ?? "{}",
      meta: JSON.stringify({ id: record.id }),
    });
  }

  #subscribed(change: Change): { member: Member; ids: number[] }[] {
    return [...this.#members].map((member) => ({
      member,
      ids: member.subscriptions.filter((subscription) => matches(subscription, change))
        .map(({ id }) => id),
    })).filter(({ ids }) => ids.length > 0);
  }

  async #tellChange(change: Change, concerned: { member: Member; ids: number[] }[]): Promise<void> {
    await this.#learnTypes(change);
    const visible = new Map<string, Set<string> | undefined>();
    for (const { member, ids } of concerned) {
      if (!this.#members.has(member)) continue;
      const who = JSON.stringify(member.claims);
      if (!visible.has(who)) {
        visible.set(who, await visibleColumns(this.admin, change, member.claims));
      }
      const columns = visible.get(who);
      if (!columns) continue;
      const data = changeData(change, columns, this.#typeNames);
      member.send("postgres_changes", JSON.stringify({ ids, data }));
    }
  }

  async #learnTypes(change: Change): Promise<void> {
    if (change.relation.columns.every(({ type }) => this.#typeNames.has(type))) return;
    const types = await this.admin<{ oid: number; name: string }[]>`
      select oid::integer, typname as name from pg_catalog.pg_type`;
    for (const { oid, name } of types) this.#typeNames.set(oid, name);
  }
}

function matches({ event, schema, table, filter }: Subscription, change: Change): boolean {
  const { relation, type, record, oldRecord } = change;
  return (event === "*" || event === type) && (schema === "*" || schema === relation.schema) &&
    (table === undefined || table === relation.table) && filter(record ?? oldRecord!, relation);
}
