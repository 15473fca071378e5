import { proxyOf } from "../export/proxy.ts";
import { found } from "./conflicts.ts";
import type { DoctorFinding } from "./report.ts";

/** Whether exports to some URLs go through a proxy, which Deno asks even for what is on the same machine. */
export function examineProxy(
  urls: readonly string[],
  get: (name: string) => string | undefined,
): DoctorFinding[] {
  const origins = new Map(urls.map((url) => [new URL(url).hostname, url]));
  return [...origins].flatMap(([host, url]) => {
    const name = proxyOf(url, get);
    if (name === undefined) return [];
    const isNear = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
    return [found(
      isNear ? "warning" : "info",
      "environment-proxy",
      `Exports to ${host} go through the proxy of ${name}`,
      `add ${host} to NO_PROXY, unless it is only reached that way`,
    )];
  });
}
