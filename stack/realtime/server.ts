// A Realtime server for what supabase-js needs: joining with authorisation, broadcasts from the
// database and from clients, and postgres_changes checked against each subscriber's policies.
import type { Sql } from "postgres";
import { type Claims, claimsOf, isBrowser } from "../api/tokens.ts";
import type { Secrets } from "../secrets.ts";
import type { PersistentConnection } from "../persistent_connection.ts";
import { permissionsOn } from "./access.ts";
import { followChanges } from "./feed.ts";
import { serveSocket } from "./socket.ts";
import { Topics } from "./topics.ts";

/** Of one request: each to a private topic is asked of the database. */
const MOST_MESSAGES = 100;
/** Open at the same time: a thousand people and devices, each in two places. */
const MOST_SOCKETS = 2000;

export class RealtimeServer {
  #sockets = new Set<WebSocket>();
  #topics: Topics;
  #feed: PersistentConnection;
  #isUp = false;

  /** `url` connects a role that may replicate. */
  constructor(
    private readonly admin: Sql,
    private readonly secrets: Secrets,
    url: string,
  ) {
    this.#topics = new Topics(admin);
    this.#feed = followChanges(url, {
      onChange: (change) => this.#topics.tell(change),
      onUp: () => {
        this.#isUp = true;
      },
      onDown: () => {
        this.#isUp = false;
        // Nothing is replayed: a client that must connect again knows that it must fetch again.
        this.#closeSockets(1012, "The connection to the database was lost.");
      },
    });
  }

  /** Resolves once changes are followed. */
  get ready(): Promise<void> {
    return this.#feed.ready;
  }

  async stop(): Promise<void> {
    this.#closeSockets(1001, "The server stops.");
    await this.#feed.stop();
  }

  /** Answers what is below /realtime/v1/. */
  async handle(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (!this.#isUp) return problem(503, "Realtime has no connection to the database.");
    const apiKey = searchParams.get("apikey") ?? request.headers.get("apikey") ?? "";
    if (apiKey !== this.secrets.publishableKey && apiKey !== this.secrets.secretKey) {
      return problem(401, "Invalid API key.");
    }
    if (apiKey === this.secrets.secretKey && isBrowser(request)) {
      return problem(401, "The secret key may not be used in a browser.");
    }
    if (pathname === "/realtime/v1/websocket") return this.#upgrade(request, apiKey);
    if (pathname.startsWith("/realtime/v1/api/broadcast") && request.method === "POST") {
      return await this.#broadcast(request, apiKey);
    }
    return problem(404, `There is nothing at "${pathname}".`);
  }

  #upgrade(request: Request, apiKey: string): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return problem(426, "This is the address of a WebSocket.");
    }
    if (this.#sockets.size >= MOST_SOCKETS) {
      return problem(429, `There are ${MOST_SOCKETS} sockets open already.`);
    }
    const vsn = new URL(request.url).searchParams.get("vsn");
    const { socket, response } = Deno.upgradeWebSocket(request);
    this.#sockets.add(socket);
    socket.addEventListener("close", () => this.#sockets.delete(socket));
    serveSocket({
      socket,
      version: vsn === "2.0.0" ? "2.0.0" : "1.0.0",
      apiKey,
      admin: this.admin,
      topics: this.#topics,
      claimsOf: (token) => claimsOf(token, this.secrets),
    });
    return response;
  }

  /** Broadcasts by HTTP: several at once, or one with its topic and event in the path. */
  async #broadcast(request: Request, apiKey: string): Promise<Response> {
    const url = new URL(request.url);
    const [, topic, event] = /\/broadcast\/([^/]+)\/events\/([^/]+)$/.exec(url.pathname) ?? [];
    const isBinary = request.headers.get("content-type") === "application/octet-stream";
    let messages: { topic: string; event: string; payload: unknown; private?: boolean }[];
    let claims: Claims;
    try {
      const body = isBinary ? await request.bytes() : await request.json();
      // A binary frame has a byte for the length of each name.
      if (isBinary && [topic, event].some((name) => !name || name.length > 255)) {
        throw new TypeError();
      }
      messages = topic && event
        ? [{
          topic: decodeURIComponent(topic),
          event: decodeURIComponent(event),
          payload: body,
          private: url.searchParams.get("private") === "true",
        }]
        : body.messages;
      if (!Array.isArray(messages) || messages.length > MOST_MESSAGES) throw new TypeError();
      if (!messages.every(isMessage)) throw new TypeError();
    } catch {
      return problem(
        422,
        `The body is not {messages: [{topic, event, payload}]} with ${MOST_MESSAGES} at most.`,
      );
    }
    try {
      const bearer = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
      claims = await claimsOf(bearer ?? apiKey, this.secrets);
    } catch (error) {
      return problem(401, (error as Error).message);
    }
    for (const message of messages) {
      const { topic, event, payload } = message;
      const isPrivate = message.private === true;
      if (isPrivate && !(await permissionsOn(this.admin, topic, claims)).write) continue;
      this.#topics.send({ topic, private: isPrivate, event, payload });
    }
    return new Response(null, { status: 202 });
  }

  #closeSockets(code: number, reason: string): void {
    for (const socket of this.#sockets) {
      if (socket.readyState === WebSocket.OPEN) socket.close(code, reason);
    }
  }
}

function isMessage(message: unknown): boolean {
  const { topic, event } = (message ?? {}) as { topic?: unknown; event?: unknown };
  return typeof topic === "string" && typeof event === "string";
}

function problem(status: number, message: string): Response {
  return Response.json({ message }, { status });
}
