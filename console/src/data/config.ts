/** Where the backend is; `console.json` beside the page says it. */
export interface Config {
  /** Absolute, or relative to `console.json`. */
  url: string;
  publishableKey: string;
}

/** Reads `console.json`; throws a sentence that says what is wrong with it. */
export async function readConfig(): Promise<Config> {
  const address = new URL("console.json", document.baseURI);
  const answer = await fetch(address, { cache: "no-cache" }).catch(() => null);
  if (!answer) throw new Error(`${address} could not be read: the server does not answer.`);
  if (!answer.ok) {
    throw new Error(`${address} could not be read: the server answers ${answer.status}.`);
  }
  const config = await answer.json().catch(() => null) as Partial<Config> | null;
  if (typeof config?.url !== "string" || typeof config.publishableKey !== "string") {
    throw new Error(`${address} is not {"url": "https://…", "publishableKey": "…"}.`);
  }
  return {
    url: new URL(config.url, address).href.replace(/\/$/, ""),
    publishableKey: config.publishableKey,
  };
}
