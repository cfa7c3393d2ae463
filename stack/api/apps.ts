// REST and Auth over the same database, each as the role it has on hosted: REST of this stack's own,
// Auth by @supabase/lite.
import { App, type IAppConfig } from "@supabase/lite";
import postgres from "postgres";
import { databaseUrl } from "../postgres.ts";
import { Rest } from "../rest/rest.ts";
import type { Secrets } from "../secrets.ts";
import type { Settings } from "../settings.ts";
import { guardAccounts } from "./accounts.ts";
import { AuthConnection } from "./connection.ts";
import { unavailable } from "./errors.ts";

export type Middleware = NonNullable<ServerOptions["middlewares"]>[number];
type ServerOptions = NonNullable<NonNullable<IAppConfig["options"]>["server"]>;

export interface Apps {
  rest: (request: Request) => Promise<Response>;
  auth: (request: Request) => Promise<Response>;
  /** Makes the tables of the schema auth, or what an earlier version lacked of them. */
  ensureAuthSchema(): Promise<void>;
  /** To be called when the catalog has changed. */
  reloadSchema(): void;
  /** To be called when the database is there, and again when it was away. */
  connected(): void;
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
    connected: () => {
      current ??= openApps(settings, secrets);
      current.reloadSchema();
    },
    disconnected: () => {
      current?.giveUp();
      current = undefined;
    },
    isConnected: () => current !== undefined,
    reloadSchema: () => current?.reloadSchema(),
    close: async () => await current?.close(),
  };
}

type OpenApps = ReturnType<typeof openApps>;

function openApps(settings: Settings, secrets: Secrets) {
  const { dbPort, poolerPort } = settings;
  const port = poolerPort ?? dbPort;
  // A pooler may know nothing of statements that a client has prepared: then each is sent whole.
  const prepare = poolerPort === undefined;
  const restUrl = databaseUrl(port, "authenticator", secrets.apiPassword);
  const adminUrl = databaseUrl(dbPort, "supabase_admin", secrets.adminPassword);
  const authUrl = databaseUrl(port, "supabase_auth_admin", secrets.apiPassword);
  const pools = {
    people: restPool(restUrl, 12, { prepare }),
    devices: restPool(restUrl, 6, { prepare }),
    // Without a search path, so that the catalog's types and defaults name their schemas.
    catalog: restPool(adminUrl, 1, { connection: { search_path: "" } }),
  };
  const rest = new Rest(pools, secrets);
  const authConnection = new AuthConnection(authUrl, 4, prepare);
  const auth = authApp(authConnection, settings, secrets);
  const close = async () => {
    const ends = Object.values(pools).map((pool) => pool.end({ timeout: 1 }));
    await Promise.all([...ends, authConnection.close()]);
  };
  const waiting = new Set<(answer: Response) => void>();
  const handlers = {
    rest: (request: Request) => rest.handle(request),
    auth: async (request: Request) => await auth.fetch(request),
  };
  return {
    ensureAuthSchema: () => auth.ensureSystemSchema(),
    reloadSchema: () => rest.reload(),
    close,
    giveUp: () => {
      for (const refuse of waiting) refuse(unavailable().getResponse());
      close().catch((error) => console.error("Closing lost connections failed:", error));
    },
    answer: async (name: keyof typeof handlers, request: Request): Promise<Response> => {
      const { promise, resolve } = Promise.withResolvers<Response>();
      const timer = setTimeout(() => resolve(unavailable().getResponse()), PATIENCE);
      waiting.add(resolve);
      try {
        return await Promise.race([handlers[name](request), promise]);
      } finally {
        clearTimeout(timer);
        waiting.delete(resolve);
      }
    },
  };
}

/** Connections on which values pass as the text that Postgres reads and writes. */
function restPool(
  url: string,
  max: number,
  { prepare = true, connection = {} }: {
    prepare?: boolean;
    connection?: Record<string, string>;
  } = {},
) {
  const asText = (to: number, from = [to]) => ({
    to,
    from,
    serialize: (text: string) => text,
    parse: (text: string) => text,
  });
  return postgres(url, {
    max,
    prepare,
    idle_timeout: 60,
    connect_timeout: 5,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "aura rest", ...connection },
    types: {
      json: asText(114, [114, 3802]),
      boolean: asText(16),
      date: asText(1184, [1082, 1114, 1184]),
      bytea: asText(17),
    },
  });
}

function authApp(connection: AuthConnection, settings: Settings, secrets: Secrets) {
  return new App({
    connection,
    api: { enabled: false },
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
    options: { server: { admin: false, middlewares: [guardAccounts()] } },
  });
}
