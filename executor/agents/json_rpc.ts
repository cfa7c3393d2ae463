import { type Event, parseEvent } from "./json.ts";

/** A refusal by the other side. */
export class RpcError extends Error {
  override name = "RpcError";

  constructor(message: string, readonly code: number, readonly data: Event) {
    super(message);
  }
}

export interface RpcHandlers {
  notify(method: string, params: Event): void;
  /** Answers a request of the other side; null when it is not known here. */
  request(method: string, params: Event): Promise<unknown> | null;
}

/** JSON-RPC 2.0 over lines, both ways: what codex' app-server and ACP have in common. */
export class RpcPeer {
  readonly #send: (line: string) => void;
  readonly #handlers: RpcHandlers;
  readonly #waiting = new Map<number, PromiseWithResolvers<Event>>();
  #last = 0;

  constructor(send: (line: string) => void, handlers: RpcHandlers) {
    this.#send = send;
    this.#handlers = handlers;
  }

  call(method: string, params: unknown): Promise<Event> {
    const id = ++this.#last;
    const waiter = Promise.withResolvers<Event>();
    this.#waiting.set(id, waiter);
    this.#write({ id, method, params });
    return waiter.promise;
  }

  notify(method: string, params?: unknown): void {
    this.#write({ method, ...(params !== undefined && { params }) });
  }

  /** Reads one line; anything that is no message is ignored. */
  line(line: string): void {
    const message = parseEvent(line);
    if (!message) return;
    if (typeof message.method === "string") this.#incoming(message);
    else if (typeof message.id === "number") this.#answer(message);
  }

  /** The other side has gone: nothing is answered any more. */
  close(): void {
    for (const { reject, promise } of this.#waiting.values()) {
      promise.catch(() => {});
      reject(new RpcError("The program ended before it answered.", 0, {}));
    }
    this.#waiting.clear();
  }

  #incoming({ method, id, params }: Event): void {
    if (id === undefined || id === null) return this.#handlers.notify(method, params ?? {});
    const answering = this.#handlers.request(method, params ?? {});
    if (!answering) {
      this.#write({ id, error: { code: -32601, message: `"${method}" is not known here.` } });
      return;
    }
    answering.then(
      (result) => this.#write({ id, result }),
      (error) => this.#write({ id, error: { code: -32603, message: String(error.message) } }),
    );
  }

  #answer({ id, result, error }: Event): void {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!waiter) return;
    if (!error) return waiter.resolve(result ?? {});
    const { message = "The program refused.", code = 0, data } = error;
    waiter.reject(new RpcError(String(message), Number(code), asEvent(data)));
  }

  #write(message: Record<string, unknown>): void {
    this.#send(JSON.stringify({ jsonrpc: "2.0", ...message }));
  }
}

function asEvent(value: unknown): Event {
  return value !== null && typeof value === "object" ? value : {};
}
