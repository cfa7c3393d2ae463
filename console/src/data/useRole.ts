import { useQuery } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";

/** What the person signed in may do here. */
export function useRole() {
  const { aura } = useBackend();
  const { data, error, refetch } = useQuery({ queryKey: ["whoami"], queryFn: () => aura.whoami() });
  return { role: data?.role, label: data?.label ?? "", error, retry: () => void refetch() };
}
