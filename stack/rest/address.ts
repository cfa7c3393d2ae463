// Addresses that nobody can read, or Postgres cannot store: refused in PostgREST's shape.

/** The refusal of an address; undefined when it may pass. */
export function refusedAddress(address: string): Response | undefined {
  const url = new URL(address);
  if (!isDecodable(url.pathname)) return refused(`"${url.pathname}" is not a valid path`);
  if (/%00/.test(address)) {
    return refused("the address contains the character U+0000, which Postgres cannot store");
  }
  return undefined;
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

function refused(message: string): Response {
  return Response.json({ code: "PGRST100", message, details: null, hint: null }, { status: 400 });
}
