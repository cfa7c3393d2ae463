/**
 * What agents inherit: this process's environment without the secrets of the hub, which are none
 * of their business.
 */
export function agentEnvironment(all: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => !/^(AURA|SUPABASE)_/.test(name)),
  );
}
