// REST and Auth: @supabase/lite twice over the same database, each as the role it has on hosted.
import { App, type IAppConfig } from "@supabase/lite";
import { databaseUrl } from "../postgres.ts";
import type { Secrets } from "../secrets.ts";
import type { Settings } from "../settings.ts";
import { guardAccounts } from "./accounts.ts";
import { ApiConnection } from "./connection.ts";
import { unavailable } from "./errors.ts";
import { EXPOSED } from "./exposed.ts";
import { currentRequest } from "./request.ts";

export type Middleware = NonNullable<ServerOptions["middlewares"]>[number];
type ServerOptions = NonNullable<NonNullable<IAppConfig["options"]>["server"]>;

export interface Apps {
  rest: (request: Request) => Promise<Response>;
  auth: (request: Request) => Promise<Response>;
  /** Makes the tables of the schema auth, or what an earlier version lacked of them. */
  ensureAuthSchema(): Promise<void>;
  /** To be called when the catalog has changed. */
  reloadSchema(): Promise<void>;
  /** To be called when the database is there, and again when it was away. */
  connected(): Promise<void>;
  disconnected(): void;
  /** Whether requests reach the database, as far as is known. */
  isConnected(): boolean;
  close(): Promise<void>;
}

/** In ms: longer than any statement may take. What waits longer has lost its connection. */
const PATIENCE = 10_000;

/**
 * The driver leaves a query unanswered when its connection is lost between two statements. So while
 * the database is away there are no connections at all, and requests are refused at once.
 */
export function createApps(settings: Settings, secrets: Secrets): Apps {
  let current: OpenApps | undefined = openApps(settings, secrets);
  const answer = async (name: "rest" | "auth", request: Request) =>
    await current?.answer(name, request) ?? unavailable().getResponse();
  return {
    rest: (request) => answer("rest", request),
    auth: (request) => answer("auth", request),
    ensureAuthSchema: async () => await current?.ensureAuthSchema(),
    connected: async () => {
      current ??= openApps(settings, secrets);
      await current.reloadSchema();
    },
    disconnected: () => {
      current?.giveUp();
      current = undefined;
    },
    isConnected: () => current !== undefined,
    reloadSchema: async () => await current?.reloadSchema(),
    close: async () => await current?.close(),
  };
}

type OpenApps = ReturnType<typeof openApps>;

function openApps(settings: Settings, secrets: Secrets) {
  const { dbPort } = settings;
  const restConnection = new ApiConnection({
    url: databaseUrl(dbPort, "authenticator", secrets.apiPassword),
    catalogUrl: databaseUrl(dbPort, "supabase_admin", secrets.adminPassword),
    max: 16,
  });
  const authConnection = new ApiConnection({
    url: databaseUrl(dbPort, "supabase_auth_admin", secrets.apiPassword),
    max: 4,
  });
  const connections = [restConnection, authConnection];
  const close = async () => {
    await Promise.all(connections.map((connection) => connection.close()));
  };
  const waiting = new Set<(answer: Response) => void>();
  const apps = {
    rest: app(restConnection, settings, secrets, [trustToken]),
    auth: app(authConnection, settings, secrets, [guardAccounts()]),
  };
  return {
    ensureAuthSchema: () => apps.auth.ensureSystemSchema(),
    reloadSchema: () => restConnection.clearSchemaCache(),
    close,
    giveUp: () => {
      for (const refuse of waiting) refuse(unavailable().getResponse());
      close().catch((error) => console.error("Closing lost connections failed:", error));
    },
    answer: async (name: keyof typeof apps, request: Request): Promise<Response> => {
      const { promise, resolve } = Promise.withResolvers<Response>();
      const timer = setTimeout(() => resolve(unavailable().getResponse()), PATIENCE);
      waiting.add(resolve);
      try {
        return await Promise.race([
          currentRequest.run(request, () => apps[name].fetch(request)),
          promise,
        ]);
      } finally {
        clearTimeout(timer);
        waiting.delete(resolve);
      }
    },
  };
}

/**
 * lite would look the user up in the database at each request of REST, too. PostgREST does not: it
 * trusts a valid token. lite skips the search for a user that is known already.
 */
const trustToken: Middleware = async (context, next) => {
  context.set("userId", "unknown");
  context.set("sessionId", "unknown");
  await next();
};

function app(
  connection: ApiConnection,
  settings: Settings,
  secrets: Secrets,
  middlewares?: Middleware[],
) {
  return new App({
    connection,
    api: { enabled: true, schemas: EXPOSED, max_rows: 1000, pg_safe_update: true },
    auth: {
      enabled: true,
      jwt_secret: secrets.jwtSecret,
      publishable_key: secrets.publishableKey,
      secret_key: secrets.secretKey,
      site_url: settings.url,
      jwt_expiry: 3600,
      minimum_password_length: 8,
      email: { enable_signup: true, enable_confirmations: false },
    },
    storage: { enabled: false },
    db: { migrations: { enabled: false } },
    options: { server: { admin: false, middlewares } },
  });
}
