import { clean, cut, redact } from "./text.ts";

export type Redact = (text: string) => string;

/** Hides the secrets of this device: the hub's token and what its environment calls a secret. */
export function redactor(token: string, environment: Record<string, string>): Redact {
  const secrets = Object.entries(environment)
    .filter(([name, value]) => SECRET.test(name) && value.length >= 8)
    .map(([, value]) => value)
    .sort((one, other) => other.length - one.length);
  return (text) => redact(text, [token, ...secrets]);
}

const SECRET = /key|token|secret|passw|credential|auth/i;

/**
 * A question's detail as a person sees it: whole, or cut with the digest of the whole, so that an
 * answer to one call never holds for another one that begins alike.
 */
export async function shownDetail(text: string, hide: Redact): Promise<string> {
  const whole = clean(hide(text));
  if (whole.length <= MOST) return whole;
  const bytes = new TextEncoder().encode(whole);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  return `${cut(whole, MOST - 120)}\n\n(Cut: ${whole.length} characters, SHA-256 ${digest})`;
}

/** The hub takes 32,000 characters. */
const MOST = 32_000;
