// Subscribers of one private topic, each with a socket of its own, that do nothing but note when a
// message has come.

export interface Subscribers {
  /** Resolves, once each has got the message with this content, to when that was. */
  received: (content: string) => Promise<number[]>;
  close: () => Promise<void>;
}

export interface Subscription {
  url: string;
  key: string;
  token: string;
  topic: string;
}

/** Joins some at a time: each join asks the database for the permission. */
export async function subscribe(count: number, subscription: Subscription): Promise<Subscribers> {
  let waiting: { content: string; times: number[]; done: (times: number[]) => void } | undefined;
  const note = (frame: string) => {
    if (!waiting || !frame.includes(waiting.content)) return;
    waiting.times.push(performance.now());
    if (waiting.times.length === count) waiting.done(waiting.times);
  };
  const sockets: WebSocket[] = [];
  for (let joined = 0; joined < count; joined += 50) {
    const some = Array.from(
      { length: Math.min(50, count - joined) },
      () => join(subscription, note),
    );
    sockets.push(...await Promise.all(some));
  }
  return {
    received: (content) =>
      new Promise((done) => {
        waiting = { content, times: [], done };
      }),
    close: async () => {
      await Promise.all(sockets.map((socket) =>
        new Promise<void>((closed) => {
          socket.onclose = () => closed();
          socket.close();
        })
      ));
    },
  };
}

function join(
  { url, key, token, topic }: Subscription,
  note: (frame: string) => void,
): Promise<WebSocket> {
  const address = `${url.replace("http", "ws")}/realtime/v1/websocket?apikey=${key}&vsn=2.0.0`;
  const socket = new WebSocket(address);
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error(`A socket to "${url}" failed.`));
    socket.onopen = () =>
      socket.send(JSON.stringify(["1", "1", `realtime:${topic}`, "phx_join", {
        config: { broadcast: { ack: false, self: false }, private: true },
        access_token: token,
      }]));
    socket.onmessage = ({ data }) => {
      const [, , , , payload] = JSON.parse(data);
      if (payload.status !== "ok") return reject(new Error(`A join was refused: ${data}`));
      socket.onmessage = ({ data }) => note(data);
      resolve(socket);
    };
  });
}
