/**
 * What agents inherit: this process's environment without the secrets of the hub, which are none
 * of their business, and with what keeps their tools from waiting for a person at a terminal.
 */
export function agentEnvironment(all: Record<string, string>): Record<string, string> {
  const own = Object.entries(all).filter(([name]) => !/^(AURA|SUPABASE)_/.test(name));
  return { ...Object.fromEntries(own), ...UNATTENDED };
}

const UNATTENDED = {
  GIT_EDITOR: "true",
  GIT_SEQUENCE_EDITOR: "true",
  EDITOR: "true",
  VISUAL: "true",
  PAGER: "cat",
  GIT_PAGER: "cat",
  MANPAGER: "cat",
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "true",
  SSH_ASKPASS: "true",
  SSH_ASKPASS_REQUIRE: "never",
  GCM_INTERACTIVE: "never",
  DEBIAN_FRONTEND: "noninteractive",
  PIP_NO_INPUT: "1",
};
