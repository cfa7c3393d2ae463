/** The panels of the administration, by what their addresses have. An admin of single servers has two. */
export function panels(everywhere: boolean): Record<string, string> {
  const ofServers = { servers: "Servers", people: "People" };
  if (!everywhere) return ofServers;
  return { ...ofServers, models: "Models", routing: "Routing", settings: "Settings" };
}
