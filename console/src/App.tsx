import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Router } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";
import { BackendContext, connect } from "./data/aura.ts";
import { type Config, readConfig } from "./data/config.ts";
import { retryPolicy } from "./data/retryPolicy.ts";
import { Session } from "./session/Session.tsx";
import { Boundary } from "./ui/Boundary.tsx";
import { Failure } from "./ui/Failure.tsx";
import { Loading } from "./ui/Loading.tsx";

const queries = new QueryClient({
  defaultOptions: { queries: { retry: retryPolicy, refetchOnWindowFocus: false } },
});

const failure = (error: unknown) => (
  <main className="page">
    <Failure title="The console failed" error={error} retry={() => location.reload()} />
  </main>
);

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Router hook={useHashLocation}>
        <Boundary of={null} fallback={failure}>
          <Configured />
        </Boundary>
      </Router>
    </QueryClientProvider>
  );
}

function Configured() {
  const { data, error, refetch } = useQuery({
    queryKey: ["config"],
    queryFn: readConfig,
    staleTime: Infinity,
    retry: 2,
  });
  if (data) return <Connected config={data} />;
  if (!error) {
    return (
      <main className="page">
        <Loading />
      </main>
    );
  }
  return (
    <main className="page">
      <Failure
        title="The console does not know its backend"
        error={error}
        retry={() => void refetch()}
      />
    </main>
  );
}

function Connected({ config }: { config: Config }) {
  const backend = useMemo(() => connect(config), [config]);
  return (
    <BackendContext value={backend}>
      <Session />
    </BackendContext>
  );
}
