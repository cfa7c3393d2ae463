// One door for everything a project's URL answers: REST, Auth, edge functions, Realtime, the health
// check, and the console at the root.
import { refusedAuthInput } from "./api/auth_input.ts";
import { completeTokens } from "./api/tokens.ts";
import { isDisconnected, unavailable } from "./api/errors.ts";
import type { Apps } from "./api/apps.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

/** The longest request body, in bytes: hosted projects take about as much. */
const MAX_BODY = 20 * 1024 * 1024;

export interface Parts {
  apps: Apps;
  functions: (name: string, request: Request) => Promise<Response | undefined>;
  realtime: (request: Request) => Promise<Response>;
  console: (request: Request) => Promise<Response>;
  healthy: () => Promise<boolean>;
}

type Handler = (request: Request) => Promise<Response>;

export function createGateway(parts: Parts, settings: Settings, secrets: Secrets): Handler {
  const { apps } = parts;
  const routes: [prefix: string, handler: Handler][] = [
    ["/rest/v1", apps.rest],
    ["/auth/v1", (request) => auth(request)],
    ["/functions/v1/", (request) => edgeFunction(request)],
    ["/realtime/v1/", parts.realtime],
    ["/health", () => health()],
    ["/", parts.console],
  ];

  return async (request) => {
    if (request.method === "OPTIONS") return preflight(request);
    const { pathname } = new URL(request.url);
    const [, handler] = routes.find(([prefix]) => pathname.startsWith(prefix))!;
    try {
      return withCors(await handler(await withBody(request)));
    } catch (error) {
      return withCors(answerTo(error));
    }
  };

  async function auth(request: Request): Promise<Response> {
    const refusal = request.body && refusedAuthInput(await request.clone().text());
    const response = refusal || await apps.auth(request);
    // lite does not say why it failed; only the database can be away without a fault in it.
    if (response.status === 500 && !await parts.healthy()) return unavailable().getResponse();
    return request.method === "POST"
      ? await completeTokens(response, settings.url, secrets)
      : response;
  }

  async function edgeFunction(request: Request): Promise<Response> {
    const name = new URL(request.url).pathname.split("/")[3] ?? "";
    return await parts.functions(name, request) ??
      problem(404, "NOT_FOUND", `There is no edge function "${name}".`);
  }

  async function health(): Promise<Response> {
    const ok = await parts.healthy();
    return Response.json({ ok }, { status: ok ? 200 : 503 });
  }
}

function preflight(request: Request): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": request.headers.get("access-control-request-headers") ?? "*",
      "access-control-max-age": "86400",
    },
  });
}

function withCors(response: Response): Response {
  // The answer to a WebSocket upgrade must stay the object that Deno made.
  if (response.status === 101 || response.headers.has("access-control-allow-origin")) {
    return response;
  }
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-expose-headers", "content-range, content-location, location");
  return new Response(response.body, { status: response.status, headers });
}

/** Bounds the body. One without a length is read here, since nothing later would stop it. */
async function withBody(request: Request): Promise<Request> {
  if (!request.body) return request;
  const length = request.headers.get("content-length");
  if (length !== null) {
    if (Number(length) > MAX_BODY) throw new BodyTooLarge();
    return request;
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > MAX_BODY) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  return new Request(request.url, {
    method: request.method,
    headers: request.headers,
    body: new Blob(chunks),
    signal: request.signal,
  });
}

class BodyTooLarge extends Error {}

function answerTo(error: unknown): Response {
  if (error instanceof BodyTooLarge) {
    return problem(413, "BODY_TOO_LARGE", `The request body is longer than ${MAX_BODY} bytes.`);
  }
  if (isDisconnected(error)) return unavailable().getResponse();
  console.error(error);
  return problem(500, "INTERNAL", "The gateway failed to answer; its log says why.");
}

function problem(status: number, code: string, message: string): Response {
  return Response.json({ code, message, details: null, hint: null }, { status });
}
