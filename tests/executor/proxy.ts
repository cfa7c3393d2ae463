/** A hub that is reached through somebody who looks at each call, and may hold, lose or answer it. */
export function hubThrough(
  url: string,
  handle: (call: string, forward: () => Promise<Response>) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const body = await request.arrayBuffer();
    const forward = () =>
      fetch(url + pathname + search, { method, headers, ...(body.byteLength && { body }) });
    return await handle(pathname.split("/").at(-1)!, forward);
  });
}
