// One door for everything a project's URL answers: REST, Auth, edge functions, Realtime, Storage, the
// health check, and the console at the root.
import { Hono } from "hono";
import { except } from "hono/combine";
import { cors } from "hono/cors";
import { isKnown, isTooLong, refusedCaller } from "./admission.ts";
import { refusedAuthInput } from "./api/auth_input.ts";
import { refusedAddress } from "./rest/address.ts";
import { completeTokens } from "./api/tokens.ts";
import { isDisconnected, unavailable } from "./api/errors.ts";
import type { Apps } from "./api/apps.ts";
import { BodyRefused, withWholeBody } from "./body.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import { Streams } from "./streams.ts";

/** Of events, for each caller. */
const MOST_STREAMS = 32;

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export interface Parts {
  apps: Apps;
  functions: (name: string, request: Request) => Promise<Response | undefined>;
  realtime: (request: Request) => Promise<Response>;
  storage: (request: Request) => Promise<Response>;
  console: Hono;
  healthy: () => Promise<boolean>;
}

type Handler = (request: Request) => Promise<Response>;

/** Pages of every origin may call the API: they show a key, and no cookie. */
const anyOrigin = except(
  // The answer to a WebSocket upgrade must stay the object that Deno made.
  ({ req }) => req.header("upgrade") !== undefined,
  cors({
    origin: "*",
    allowMethods: METHODS,
    exposeHeaders: ["content-range", "content-location", "preference-applied", "retry-after"],
    maxAge: 86_400,
  }),
);

export function createGateway(parts: Parts, settings: Settings, secrets: Secrets): Hono {
  const { apps } = parts;
  const streams = new Streams(MOST_STREAMS);
  const api: Record<string, Handler> = {
    "/rest/v1/*": withKey(rest),
    "/auth/v1/*": withKey(auth),
    "/functions/v1/*": edgeFunction,
    "/realtime/v1/*": realtime,
    // It passes bodies on as they come, and has limits of its own.
    "/storage/v1/*": parts.storage,
    "/health/*": health,
  };
  const app = new Hono();
  for (const [path, handler] of Object.entries(api)) {
    app.all(path, anyOrigin, ({ req }) => {
      if (!METHODS.includes(req.method)) return methodNotAllowed();
      if (isTooLong(req.raw)) return tooLong();
      return handler(req.raw);
    });
  }
  // Of no other origin: the console holds a key that no other page of the browser needs.
  app.route("/", parts.console);
  app.onError(answerTo);
  return app;

  /** Refuses who shows no key before it reads their body. */
  function withKey(handler: Handler): Handler {
    return async (request) =>
      refusedCaller(request, secrets) ?? await handler(await withWholeBody(request));
  }

  async function rest(request: Request): Promise<Response> {
    return refusedAddress(request.url) ?? await apps.rest(request);
  }

  async function auth(request: Request): Promise<Response> {
    const refusal = request.body && refusedAuthInput(await request.clone().text());
    const response = refusal || await apps.auth(request);
    // lite does not say why it failed; only the database can be away without a fault in it.
    if (response.status === 500 && !await parts.healthy()) return unavailable().getResponse();
    return request.method === "POST"
      ? await completeTokens(response, settings.url, secrets)
      : withoutPage(request, response);
  }

  async function edgeFunction(request: Request): Promise<Response> {
    const name = new URL(request.url).pathname.split("/")[3] ?? "";
    const caller = request.headers.get("authorization") ?? request.headers.get("apikey") ?? "";
    if (!streams.hasRoom(caller)) return tooManyStreams();
    // Functions check their callers and parse their bodies themselves, in their own words.
    const isStranger = !await isKnown(request, secrets);
    const whole = await withWholeBody(request, { anyDepth: true, isStranger });
    const answer = await parts.functions(name, whole);
    if (!answer) return problem(404, "NOT_FOUND", `There is no edge function "${name}".`);
    return streams.count(caller, answer);
  }

  async function realtime(request: Request): Promise<Response> {
    const isStranger = !await isKnown(request, secrets);
    return await parts.realtime(await withWholeBody(request, { isStranger }));
  }

  async function health(): Promise<Response> {
    const ok = await parts.healthy();
    return Response.json({ ok }, { status: ok ? 200 : 503 });
  }
}

/** lite answers addresses that it does not know with a page of its own. */
function withoutPage(request: Request, response: Response): Response {
  if (!response.headers.get("content-type")?.startsWith("text/html")) return response;
  return problem(404, "NOT_FOUND", `There is nothing at "${new URL(request.url).pathname}".`);
}

function methodNotAllowed(): Response {
  const response = problem(405, "METHOD_NOT_ALLOWED", `The methods are ${METHODS.join(", ")}.`);
  response.headers.set("allow", METHODS.join(", "));
  return response;
}

function tooLong(): Response {
  return problem(414, "ADDRESS_TOO_LONG", "The address is too long; send filters in parts.");
}

function tooManyStreams(): Response {
  const message = `There are ${MOST_STREAMS} streams open already; close one of them first.`;
  return problem(429, "TOO_MANY_STREAMS", message);
}

function answerTo(error: unknown): Response {
  if (error instanceof BodyRefused) return problem(error.status, error.code, error.message);
  if (isDisconnected(error)) return unavailable().getResponse();
  console.error(error);
  return problem(500, "INTERNAL", "The gateway failed to answer; its log says why.");
}

function problem(status: number, code: string, message: string): Response {
  return Response.json({ code, message, details: null, hint: null }, { status });
}
