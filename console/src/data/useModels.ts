import { useQuery } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";

/** The models that tasks may be given to, in their order; none until they are read. */
export function useModels() {
  const { aura } = useBackend();
  const { data = [] } = useQuery({ queryKey: ["models"], queryFn: () => aura.fetchModels() });
  return data.filter(({ enabled }) => enabled);
}
