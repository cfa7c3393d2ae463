// Streams of events that stay open: so many for each caller, since each keeps asking the database.

export class Streams {
  #open = new Map<string, number>();

  /** `most` for each caller. */
  constructor(private readonly most: number) {}

  /** Whether the caller may open one more. */
  hasRoom(caller: string): boolean {
    return (this.#open.get(caller) ?? 0) < this.most;
  }

  /** The response as it is; if it is a stream of events, it counts until it ends or is given up. */
  count(caller: string, response: Response): Response {
    const { body, status, headers } = response;
    if (!body || !headers.get("content-type")?.startsWith("text/event-stream")) return response;
    this.#add(caller, 1);
    const reader = body.getReader();
    let isOpen = true;
    const end = () => {
      if (isOpen) this.#add(caller, -1);
      isOpen = false;
    };
    const counted = new ReadableStream({
      async pull(controller) {
        const { done, value } = await reader.read().catch((error) => {
          end();
          throw error;
        });
        if (!done) return controller.enqueue(value);
        end();
        controller.close();
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    });
    return new Response(counted, { status, headers });
  }

  #add(caller: string, one: number): void {
    const open = (this.#open.get(caller) ?? 0) + one;
    if (open > 0) this.#open.set(caller, open);
    else this.#open.delete(caller);
  }
}
