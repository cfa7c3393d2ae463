// The web console: static files, built into console/dist.
import { join } from "node:path";

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  webmanifest: "application/manifest+json",
};

const HEADERS = {
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "frame-ancestors 'none'",
};

/**
 * Serves a folder, and beside it `/console.json`, which tells the page that its backend is where it
 * came from: also behind a forwarded port. Paths that name no file are the console's own routes and
 * get its page, as soon as that is built.
 */
export function serveConsole(
  folder: string,
  publishableKey: string,
): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("Method not allowed.\n", { status: 405 });
    }
    const { pathname, hostname } = new URL(request.url);
    if (!isOwnName(hostname)) {
      return new Response("The console answers to localhost and to IP addresses.\n", {
        status: 421,
      });
    }
    if (pathname === "/console.json") {
      const config = { url: "/", publishableKey };
      return Response.json(config, { headers: { ...HEADERS, "cache-control": "no-cache" } });
    }
    const isRoute = !pathname.split("/").at(-1)!.includes(".");
    const found = await file(folder, isRoute ? "/index.html" : pathname);
    if (found) return found;
    if (!isRoute) return new Response("Not found.\n", { status: 404 });
    // The browser asks again by itself.
    return new Response("The console is being built; this page comes in a moment.\n", {
      status: 503,
      headers: { ...HEADERS, "refresh": "2" },
    });
  };
}

/**
 * A page of another site can make its own name point here (DNS rebinding), read the publishable key,
 * sign up, and so send work to this machine. It cannot do so under a name that is no domain's.
 */
function isOwnName(hostname: string): boolean {
  return /^(.+\.)?localhost$|^[\d.]+$|^\[/.test(hostname);
}

async function file(folder: string, pathname: string): Promise<Response | undefined> {
  // The URL parser has resolved `..`; an encoded slash or NUL has no business in a file name.
  if (/%(2f|5c|00)/i.test(pathname) || pathname.endsWith("/")) return undefined;
  const type = TYPES[pathname.split(".").at(-1)!];
  if (!type) return undefined;
  try {
    const handle = await Deno.open(join(folder, decodeURIComponent(pathname)));
    return new Response(handle.readable, {
      headers: {
        ...HEADERS,
        "content-type": type,
        // Vite puts a hash of the content into the names below /assets/.
        "cache-control": pathname.startsWith("/assets/")
          ? "public, max-age=31536000, immutable"
          : "no-cache",
      },
    });
  } catch (error) {
    // No such file, or a name that no file can have.
    const { code } = error as { code?: string };
    if (error instanceof URIError || ["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(code!)) {
      return undefined;
    }
    throw error;
  }
}
