// The closed form of a queue with random arrivals, exponential service and so many servers (M/M/c).

export interface Waiting {
  /** The share of requests that wait at all (Erlang's C). */
  share: number;
  /** In seconds, of all requests. */
  mean: number;
  /** The wait that a share of the requests does not pass, in seconds. */
  percentile: (share: number) => number;
}

/** `arrivals` a second, `seconds` of service each. Finite only while the servers keep up. */
export function waiting(arrivals: number, seconds: number, servers: number): Waiting {
  const load = arrivals * seconds;
  // Erlang's B by recursion, which does not overflow; then C from B.
  let blocked = 1;
  for (let n = 1; n <= servers; n++) blocked = load * blocked / (n + load * blocked);
  const share = blocked / (1 - load / servers * (1 - blocked));
  const drain = servers / seconds - arrivals;
  return {
    share,
    mean: share / drain,
    percentile: (p) => Math.max(0, Math.log(share / (1 - p)) / drain),
  };
}
