// One client's socket: answers its frames.
import type { Sql } from "postgres";
import { type Claims } from "../api/tokens.ts";
import { permissionsOn } from "./access.ts";
import { decodeFrame, encodeFrame, type Frame, type Version } from "./frames.ts";
import { type Member, readJoin, readSubscriptions } from "./member.ts";
import { PREFIX, type Topics } from "./topics.ts";

export interface SocketContext {
  socket: WebSocket;
  version: Version;
  /** The key the socket was opened with: the token of a client that sends no other. */
  apiKey: string;
  admin: Sql;
  topics: Topics;
  /** The claims of a token or key; throws a sentence when it is not valid. */
  claimsOf: (token: string) => Promise<Claims>;
}

/** As on hosted projects: the longest frame, and the topics of one socket. */
const LONGEST_FRAME = 3_000_000;
const MOST_TOPICS = 100;
/** Bytes that wait for a client that does not read: then it is let go, to come again and fetch anew. */
const MOST_WAITING = 16_000_000;

/** setTimeout takes no longer delay. */
const LONGEST_DELAY = 2 ** 31 - 1;

export function serveSocket(context: SocketContext): void {
  const { socket, version, topics } = context;
  const members = new Map<string, Member>();
  socket.binaryType = "arraybuffer";
  socket.onclose = () => members.forEach(forget);
  // Frames are answered in their order: a join may wait for the database.
  let answering: Promise<void> = Promise.resolve();
  socket.onmessage = ({ data }) => {
    if ((data.length ?? data.byteLength) > LONGEST_FRAME) {
      return socket.close(1009, `A frame has at most ${LONGEST_FRAME} bytes.`);
    }
    answering = answering.then(() => answer(data)).catch((error) => {
      console.error(`Realtime could not answer a frame: ${error.message}`);
      socket.close(1011, "The server could not answer.");
    });
  };

  async function answer(data: string | ArrayBuffer): Promise<void> {
    let frame: Frame;
    try {
      frame = decodeFrame(data, version);
    } catch {
      return socket.close(1003, "This is no frame of Realtime.");
    }
    if (frame.event === "heartbeat") return reply(frame, "ok");
    if (frame.event === "phx_join") return await join(frame);
    const member = members.get(frame.topic);
    if (!member) return reply(frame, "error", { reason: "unmatched topic" });
    switch (frame.event) {
      case "phx_leave":
        forget(member);
        reply(frame, "ok");
        return send(frame.topic, member.joinRef, "phx_close", "{}");
      case "access_token":
        return await renew(member, String(frame.payload.access_token ?? context.apiKey));
      case "broadcast":
        return broadcast(member, frame);
      default:
        return reply(frame, "error", {
          reason: `The local Realtime does not know the event "${frame.event}".`,
        });
    }
  }

  async function join(frame: Frame): Promise<void> {
    const { topic, joinRef } = frame;
    const previous = members.get(topic);
    if (previous) forget(previous);
    try {
      if (!topic.startsWith(PREFIX)) throw new Error(`The topic does not begin with "${PREFIX}".`);
      if (members.size >= MOST_TOPICS) {
        throw new Error(`A socket joins at most ${MOST_TOPICS} topics.`);
      }
      const { config, access_token: token } = readJoin(frame.payload);
      const isPrivate = config?.private === true;
      const changes = config?.postgres_changes ?? [];
      const claims = await context.claimsOf(token ?? context.apiKey);
      const subscriptions = readSubscriptions(changes);
      const permissions = isPrivate
        ? await permissionsOn(context.admin, topic.slice(PREFIX.length), claims)
        : { read: true, write: true };
      if (!permissions.read) throw new Error(unauthorized(topic));
      const member: Member = {
        topic,
        joinRef,
        private: isPrivate,
        ack: config?.broadcast?.ack === true,
        self: config?.broadcast?.self === true,
        claims,
        permissions,
        subscriptions,
        send: (event, payload, ref = null) => send(topic, joinRef, event, payload, ref),
        sendBinary: (bytes) => {
          if (version === "2.0.0") deliver(bytes);
        },
        dismiss: (reason) => dismiss(member, reason),
      };
      members.set(topic, member);
      topics.add(member);
      expire(member);
      welcome(frame, member, changes);
    } catch (error) {
      reply(frame, "error", { reason: (error as Error).message });
    }
  }

  function welcome(frame: Frame, member: Member, changes: Record<string, unknown>[]): void {
    const { subscriptions } = member;
    // Clients compare these with what they asked for, in the same order.
    reply(frame, "ok", {
      postgres_changes: changes.map((change, index) => ({
        ...change,
        id: subscriptions[index]!.id,
      })),
    });
    if (subscriptions.length > 0) {
      member.send(
        "system",
        system("postgres_changes", "ok", "Subscribed to PostgreSQL", member.topic),
      );
    }
  }

  async function renew(member: Member, token: string): Promise<void> {
    try {
      member.claims = await context.claimsOf(token);
      if (member.private) {
        const name = member.topic.slice(PREFIX.length);
        member.permissions = await permissionsOn(context.admin, name, member.claims);
      }
    } catch (error) {
      return dismiss(member, (error as Error).message);
    }
    if (!member.permissions.read) return dismiss(member, unauthorized(member.topic));
    expire(member);
  }

  function broadcast(member: Member, frame: Frame): void {
    const { event, payload } = frame.payload;
    if (!member.permissions.write) {
      return reply(frame, "error", { reason: `You may not write to "${member.topic}".` });
    }
    const topic = member.topic.slice(PREFIX.length);
    topics.send({ topic, private: member.private, event: String(event ?? ""), payload }, member);
    if (member.ack) reply(frame, "ok");
  }

  /** A membership ends with its token. */
  function expire(member: Member): void {
    clearTimeout(member.expiry);
    if (member.claims.exp === undefined) return;
    const delay = Math.min(member.claims.exp * 1000 - Date.now(), LONGEST_DELAY);
    member.expiry = setTimeout(() => dismiss(member, "The access token has expired."), delay);
  }

  function dismiss(member: Member, reason: string): void {
    forget(member);
    member.send("system", system("system", "error", reason, member.topic));
    member.send("phx_close", "{}", member.joinRef);
  }

  function forget(member: Member): void {
    clearTimeout(member.expiry);
    topics.remove(member);
    if (members.get(member.topic) === member) members.delete(member.topic);
  }

  function reply(frame: Frame, status: "ok" | "error", response: unknown = {}): void {
    send(frame.topic, frame.joinRef, "phx_reply", JSON.stringify({ status, response }), frame.ref);
  }

  function send(
    topic: string,
    joinRef: string | null,
    event: string,
    payload: string,
    ref: string | null = null,
  ): void {
    deliver(encodeFrame({ joinRef, ref, topic, event, payload }, version));
  }

  function deliver(frame: string | Uint8Array<ArrayBuffer>): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > MOST_WAITING) return socket.close(1013, "The client is too slow.");
    socket.send(frame);
  }
}

function unauthorized(topic: string): string {
  return `Unauthorized: You do not have permissions to read from this Channel topic: ${
    topic.slice(PREFIX.length)
  }`;
}

function system(extension: string, status: string, message: string, topic: string): string {
  return JSON.stringify({ extension, status, message, channel: topic.slice(PREFIX.length) });
}
