/** A way to the server that can be cut: every open connection ends, new ones are let through. */
export class Proxy implements Disposable {
  readonly url: string;
  /** While set, the server seems to be gone: new connections end at once, too. */
  down = false;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #target: number;

  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    this.#accept();
  }

  /** Ends what is open; returns how many connections that were. */
  cut(): number {
    const connections = [...this.#open];
    this.#open.clear();
    for (const connection of connections) close(connection);
    return connections.length / 2;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    this.cut();
  }

  async #accept() {
    for await (const client of this.#listener) {
      if (this.down) close(client);
      else this.#serve(client);
    }
  }

  async #serve(client: Deno.TcpConn) {
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      for (const connection of [client, server]) this.#open.add(connection);
      await Promise.all([
        client.readable.pipeTo(server.writable),
        server.readable.pipeTo(client.writable),
      ]);
    } catch {
      // Cut, or nobody listens behind: the client sees a closed connection either way.
      close(client);
    }
  }
}

function close(connection: Deno.TcpConn) {
  try {
    connection.close();
  } catch {
    // Closed by the other side already.
  }
}
