// REST and Auth: @supabase/lite twice over the same database, each as the role it has on hosted.
import { App, type IAppConfig } from "@supabase/lite";
import { databaseUrl } from "../postgres.ts";
import type { Secrets } from "../secrets.ts";
import type { Settings } from "../settings.ts";
import { ApiConnection } from "./connection.ts";

type Middleware = NonNullable<ServerOptions["middlewares"]>[number];
type ServerOptions = NonNullable<NonNullable<IAppConfig["options"]>["server"]>;

export interface Apps {
  rest: (request: Request) => Promise<Response>;
  auth: (request: Request) => Promise<Response>;
  /** Makes the tables of the schema auth, or what an earlier version lacked of them. */
  ensureAuthSchema(): Promise<void>;
  /** To be called when the catalog has changed. */
  reloadSchema(): Promise<void>;
  close(): Promise<void>;
}

export function createApps(settings: Settings, secrets: Secrets): Apps {
  const { dbPort } = settings;
  const rest = new ApiConnection({
    url: databaseUrl(dbPort, "authenticator", secrets.apiPassword),
    catalogUrl: databaseUrl(dbPort, "supabase_admin", secrets.adminPassword),
    max: 16,
  });
  const auth = new ApiConnection({
    url: databaseUrl(dbPort, "supabase_auth_admin", secrets.apiPassword),
    max: 4,
  });
  const restApp = app(rest, settings, secrets, [trustToken]);
  const authApp = app(auth, settings, secrets);
  return {
    rest: (request) => Promise.resolve(restApp.fetch(request)),
    auth: (request) => Promise.resolve(authApp.fetch(request)),
    ensureAuthSchema: () => authApp.ensureSystemSchema(),
    reloadSchema: () => rest.clearSchemaCache(),
    close: async () => {
      await Promise.all([rest.close(), auth.close()]);
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
    api: { enabled: true, schemas: ["public", "graphql_public"], max_rows: 1000 },
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
