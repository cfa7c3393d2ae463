// The demo user, so that a fresh stack can be used at once.
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

/** Signs the demo user up through Auth, unless they exist. */
export async function createDemoUser(
  auth: (request: Request) => Promise<Response>,
  settings: Settings,
  secrets: Secrets,
): Promise<void> {
  const response = await auth(
    new Request(`${settings.url}/auth/v1/signup`, {
      method: "POST",
      headers: { "content-type": "application/json", apikey: secrets.publishableKey },
      body: JSON.stringify({ email: secrets.userEmail, password: secrets.userPassword }),
    }),
  );
  const answer = await response.text();
  if (!response.ok && !answer.includes("user_already_exists")) {
    throw new Error(`Signing up the demo user failed (${response.status}): ${answer}`);
  }
}
