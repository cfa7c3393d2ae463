// A device whose agent asks before it acts.
import { fileURLToPath } from "node:url";
import type { Model } from "../../client/index.ts";
import type { Mesh } from "./mesh.ts";

const AGENT = fileURLToPath(new URL("asking_agent.ts", import.meta.url));

function askingAgent(format: string) {
  const program = [Deno.execPath(), "run", "-A", "--no-config", AGENT, format];
  const command = [...program, "{device}"];
  const resume = [...command, "--resume", "{session}"];
  return { command, format, ...(format === "claude" && { resume }) };
}

export function askingDevice(mesh: Mesh, model: Model, settings: Record<string, unknown> = {}) {
  return mesh.device({
    models: [model],
    settings: { models: { [model]: askingAgent(model === "gemini" ? "acp" : model) }, ...settings },
  });
}
