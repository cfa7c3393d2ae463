// The web console: static files, built into console/dist.
import { type Context, Hono } from "hono";
import { serveStatic } from "hono/deno";

/**
 * Serves a folder, and beside it `/console.json`, which tells the page that its backend is where it
 * came from: also behind a forwarded port. Paths that name no file are the console's own routes and
 * get its page, as soon as that is built.
 */
export function serveConsole(folder: string, publishableKey: string): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    if (!isOwnName(new URL(c.req.url).hostname)) {
      return c.text("The console answers to localhost and to IP addresses.\n", 421);
    }
    await next();
  });
  app.get("/console.json", (c) => {
    setHeaders(c, "no-cache");
    return c.json({ url: "/", publishableKey });
  });
  app.get(
    "/assets/*",
    serveStatic({
      root: folder,
      // Vite puts a hash of the content into these names.
      onFound: (_path, c) => setHeaders(c, "public, max-age=31536000, immutable"),
    }),
  );
  const onFound = (_path: string, c: Context) => setHeaders(c, "no-cache");
  app.get("*", serveStatic({ root: folder, onFound }));
  app.get("*", async (c, next) => {
    if (c.req.path.split("/").at(-1)!.includes(".")) return c.text("Not found.\n", 404);
    await next();
  });
  app.get("*", serveStatic({ root: folder, path: "index.html", onFound }));
  app.get("*", (c) => {
    setHeaders(c, "no-cache");
    // The browser asks again by itself.
    c.header("refresh", "2");
    return c.text("The console is being built; this page comes in a moment.\n", 503);
  });
  app.all("*", (c) => c.text("Method not allowed.\n", 405, { allow: "GET, HEAD" }));
  return app;
}

function setHeaders(c: Context, cacheControl: string): void {
  c.header("cache-control", cacheControl);
  c.header("x-content-type-options", "nosniff");
  c.header("cross-origin-resource-policy", "same-origin");
  c.header("content-security-policy", "frame-ancestors 'none'");
}

/**
 * A page of another site can make its own name point here (DNS rebinding), read the publishable key,
 * sign up, and so send work to this machine. It cannot do so under a name that is no domain's.
 */
function isOwnName(hostname: string): boolean {
  return /^(.+\.)?localhost$|^[\d.]+$|^\[/.test(hostname);
}
