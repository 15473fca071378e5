import { found } from "./conflicts.ts";
import type { DoctorFinding } from "./report.ts";

/** Reads a variable, in capitals or not. */
type Get = (name: string) => string | undefined;

/** Whether exports to some URLs go through a proxy, which Deno asks even for what is on the same machine. */
export function examineProxy(urls: readonly string[], get: Get): DoctorFinding[] {
  const hosts = new Map(urls.map((url) => [new URL(url).hostname, new URL(url).protocol]));
  const exceptions = (get("NO_PROXY") ?? "").split(",").map((host) => host.trim()).filter((host) =>
    host !== ""
  );
  return [...hosts].flatMap(([host, protocol]) => {
    const name = [protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY", "ALL_PROXY"].find((name) =>
      get(name)
    );
    if (name === undefined || exceptions.some((exception) => covers(exception, host))) return [];
    const isNear = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
    return [found(
      isNear ? "warning" : "info",
      "environment-proxy",
      `Exports to ${host} go through the proxy of ${name}`,
      `add ${host} to NO_PROXY, unless it is only reached that way`,
    )];
  });
}

function covers(exception: string, host: string): boolean {
  const suffix = exception.replace(/^\*?\./, "");
  return exception === "*" || host === suffix || host.endsWith(`.${suffix}`);
}
