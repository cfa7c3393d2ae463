/** The panels of the administration, by what their addresses have. An admin of single servers has three. */
export function panels(everywhere: boolean): Record<string, string> {
  const ofServers = { servers: "Servers", people: "People", usage: "Usage" };
  if (!everywhere) return ofServers;
  return { ...ofServers, models: "Models", routing: "Routing", settings: "Settings" };
}
