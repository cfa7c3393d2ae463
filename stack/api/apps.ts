// REST and Auth: @supabase/lite twice over the same database, each as the role it has on hosted.
import { App } from "@supabase/lite";
import { databaseUrl } from "../postgres.ts";
import type { Secrets } from "../secrets.ts";
import type { Settings } from "../settings.ts";
import { ApiConnection } from "./connection.ts";

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
  const restApp = app(rest, settings, secrets);
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

function app(connection: ApiConnection, settings: Settings, secrets: Secrets) {
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
      email: { enable_signup: true, enable_confirmations: false },
    },
    storage: { enabled: false },
    db: { migrations: { enabled: false } },
    options: { server: { admin: false } },
  });
}
